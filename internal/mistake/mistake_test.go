package mistake_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/kerf-go/kerf/internal/mistake"
)

func TestTheKeysOfAMistakeAreThoseOfAllThatItWentThrough(t *testing.T) {
	t.Parallel()
	cause := errors.New("no name")
	err := mistake.At(fmt.Errorf("keys: %w", mistake.At(cause, "list", 2, "name")), "keys")
	if way := mistake.Way(err); !slices.Equal(way, []any{"keys", "list", 2, "name"}) {
		t.Error(way)
	}
	if err.Error() != "keys: no name" || !errors.Is(err, cause) {
		t.Error(err)
	}
}

func TestWhatIsNoMistakeHasNoKeys(t *testing.T) {
	t.Parallel()
	if err := mistake.At(nil, "keys"); err != nil {
		t.Error(err)
	}
	if way := mistake.Way(errors.New("broken")); way != nil {
		t.Error(way)
	}
}
