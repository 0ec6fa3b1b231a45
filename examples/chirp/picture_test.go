package main

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"testing"

	"github.com/kerf-go/kerf/examples/chirp/story"
	"github.com/kerf-go/kerf/kerftest"
)

var update = flag.Bool("update", false, "take the picture of the README anew")

// TestPictureOfTheREADME takes it with go test ./examples/chirp -run Picture -update.
func TestPictureOfTheREADME(t *testing.T) {
	t.Parallel()
	const file, limit = "../../docs/chirp.png", 400 << 10
	if *update {
		browser := story.NewBrowser(t)
		kerftest.Run(t, app(), []string{""}, func(t *testing.T, env *kerftest.Env) {
			t.Helper()
			if err := os.WriteFile(file, story.Portray(t, browser, site(env)), 0o644); err != nil {
				t.Error(err)
			}
		})
	}
	picture, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	if len(picture) > limit {
		t.Errorf("%s has %d bytes, more than %d: a README must load fast", file, len(picture), limit)
	}
}
