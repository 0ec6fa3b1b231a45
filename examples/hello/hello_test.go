package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/kerf-go/kerf/kerftest"
)

func TestMain(m *testing.M) { kerftest.Main(m, app()) }

func TestTheGreetingIsTheSameUnderEveryPlan(t *testing.T) {
	t.Parallel()
	kerftest.Run(t, app(), []string{"", "plans/apart.yaml"}, func(t *testing.T, env *kerftest.Env) {
		t.Helper()
		t.Parallel()
		for path, want := range map[string]string{
			"/hello/ann": "Hello, Ann!\n",
			"/hello/%20": "a name needs at least one letter\n",
		} {
			if got := get(t, env.URL()+path); got != want {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
	})
}

func TestAKilledProcessIsMissedAndComesBack(t *testing.T) {
	t.Parallel()
	env := kerftest.Processes(t, app(), "plans/apart.yaml")
	env.Kill("names")
	if got, want := get(t, env.URL()+"/hello/ann"), "the greeter is away; try again soon\n"; got != want {
		t.Errorf("without names: %q, want %q", got, want)
	}
	env.Restart("names")
	if got, want := get(t, env.URL()+"/hello/ann"), "Hello, Ann!\n"; got != want {
		t.Errorf("with names again: %q, want %q", got, want)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
