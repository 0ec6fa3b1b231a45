package run

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kerf-go/kerf/plan"
)

// settle decides on the app's one folder for SQLite stores and for its status: what
// the command line says, else the plan's store, else the user's own. The plan is
// left with stores only where these are no folders of the app's own.
func settle(p *plan.Plan, said string) (folder string, err error) {
	if _, own := p.EmbeddedBroker(); own && said != "" {
		p.Broker, _, _ = strings.Cut(p.Broker, ":") // its folder is in the app's
	}
	if said != "" {
		p.KeepInDataFolder()
		return said, nil
	}
	store, err := url.Parse(p.Store.URL)
	if err != nil || store.Scheme != "sqlite" || p.Store.Foreign {
		return dataFolder(p.App)
	}
	p.Store.URL = ""
	if store.Opaque == "" {
		return filepath.FromSlash(store.Path), nil
	}
	folder, err = url.PathUnescape(store.Opaque)
	return filepath.FromSlash(folder), err
}

// dataFolder is where an app's stores lie when nobody says otherwise: the
// user's folder for data, as each system has it.
func dataFolder(app string) (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // the standard says: else ignore it
		return filepath.Join(dir, app), nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("%w (%w)", errNoData, err)
		}
		return filepath.Join(dir, app), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w (%w)", errNoData, err)
	}
	return filepath.Join(home, ".local", "share", app), nil
}

var errNoData = errors.New("no folder for data: give one with --data FOLDER")
