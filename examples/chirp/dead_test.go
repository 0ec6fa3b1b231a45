package main

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/kit"
	"github.com/kerf-go/kerf/link"
)

// letter is what a dead letter is for programs.
type letter struct {
	ID       string              `json:"id"`
	Method   string              `json:"method"`
	Code     string              `json:"code"`
	Attempts int                 `json:"attempts"`
	Metadata map[string][]string `json:"metadata"`
	Message  map[string]string   `json:"message"`
}

// dead carries out one of the commands for dead letters.
func (o *outside) dead(args ...string) (stdout string, err error) {
	o.t.Helper()
	answer, err := command(o.t.Context(), o.t, nil, append([]string{"dead", "--data", o.data}, args...)...).Output()
	return string(answer), err
}

func (o *outside) letters() []letter {
	o.t.Helper()
	answer, err := o.dead("list", "--json")
	if err != nil {
		o.t.Fatalf("dead list: %v: %s", err, answer)
	}
	var all []letter
	if err := json.Unmarshal([]byte(answer), &all); err != nil {
		o.t.Fatalf("dead list: %v: %s", err, answer)
	}
	return all
}

func TestDeadLettersAreLookedAfter(t *testing.T) {
	t.Parallel()
	o := runOutside(t, queued)
	if all := o.letters(); len(all) != 0 {
		t.Fatalf("at first: %v", all)
	}
	conn, err := kit.Dial(o.address("notify"), link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx := metadata.AppendToOutgoingContext(t.Context(), "why", "nobody wrote it")
	_, err = notifyv1.NewNotifyClient(conn).Deliver(ctx, &notifyv1.DeliverRequest{PostId: -7},
		link.WithWait(link.Accepted))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is a dead letter", func() bool { return len(o.letters()) == 1 })
	const id = "chirp.notify/1"
	l := o.letters()[0]
	if l.ID != id || l.Method != "chirp.notify.v1.Notify/Deliver" || l.Code != "InvalidArgument" || l.Attempts != 1 {
		t.Errorf("got %+v", l)
	}
	if table, err := o.dead("list"); err != nil || !strings.Contains(table, id) {
		t.Errorf("%v: %s", err, table)
	}
	shown, err := o.dead("show", id)
	if err != nil {
		t.Fatal(err)
	}
	l = letter{}
	if err := json.Unmarshal([]byte(shown), &l); err != nil || l.Message["postId"] != "-7" || l.Metadata["why"] == nil {
		t.Errorf("%v: %s", err, shown)
	}
	if answer, err := o.dead("replay", id); err != nil {
		t.Errorf("replay: %v: %s", err, answer)
	}
	eventually(t, "it fails again", func() bool {
		all := o.letters()
		return len(all) == 1 && all[0].ID == "chirp.notify/2"
	})
	if answer, err := o.dead("drop", "chirp.notify/2"); err != nil || len(o.letters()) != 0 {
		t.Errorf("drop: %v: %s", err, answer)
	}
	for _, args := range [][]string{{"drop", id}, {"replay", id}, {"show", id}, {"drop"}, {"list", "x"}} {
		if answer, err := o.dead(args...); err == nil {
			t.Errorf("%v: %s", args, answer)
		}
	}
}
