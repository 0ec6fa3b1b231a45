package web

import (
	"net/http"

	accountsv1 "github.com/kerf-go/kerf/examples/chirp/accounts/v1"
)

// settingsPage is the data of the settings: what was typed, or what is kept.
type settingsPage struct {
	Display, Bio, Name string
	Saved              bool
	Wrong              wrong
}

func settingsOf(p *accountsv1.Profile) settingsPage {
	return settingsPage{Display: p.GetDisplayName(), Bio: p.GetBio(), Name: p.GetName()}
}

func (v *visit) settingsPage() error {
	me, err := v.someone()
	if err != nil {
		return err
	}
	data := settingsOf(me)
	data.Saved = v.r.URL.Query().Has("saved")
	v.render(http.StatusOK, "settings", "Settings", data)
	return nil
}

func (v *visit) updateProfile() error {
	me, err := v.someone()
	if err != nil {
		return err
	}
	if !v.r.PostForm.Has("display_name") || !v.r.PostForm.Has("bio") {
		return errIncomplete
	}
	data := settingsOf(me)
	data.Display, data.Bio = v.field("display_name"), v.field("bio")
	_, err = v.site.clients.Accounts.UpdateProfile(v.r.Context(),
		&accountsv1.UpdateProfileRequest{Id: me.GetId(), DisplayName: data.Display, Bio: data.Bio})
	return v.settled(data, err, "bio", "display_name")
}

func (v *visit) rename() error {
	me, err := v.someone()
	if err != nil {
		return err
	}
	data := settingsOf(me)
	data.Name = v.field("name")
	_, err = v.site.clients.Accounts.Rename(v.r.Context(), &accountsv1.RenameRequest{Id: me.GetId(), Name: data.Name})
	return v.settled(data, err, "name")
}

// settled ends a form of the settings.
func (v *visit) settled(data settingsPage, err error, fields ...string) error {
	if err == nil {
		return v.goTo("/settings?saved")
	}
	var code int
	code, data.Wrong = mistake(err, fields...)
	v.render(code, "settings", "Settings", data)
	return nil
}
