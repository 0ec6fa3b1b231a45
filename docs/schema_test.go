package docs

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/kerf-go/kerf/plan"
)

var update = flag.Bool("update", false, "write the files that are made from code")

// TestTheSchemaForEditorsIsThePlansOwn keeps plan.schema.json, which plans name in
// their first line, equal to what the parser reads by.
func TestTheSchemaForEditorsIsThePlansOwn(t *testing.T) {
	t.Parallel()
	const file = "plan.schema.json"
	if *update {
		if err := os.WriteFile(file, plan.Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, plan.Schema()) {
		t.Errorf("docs/%s is not what plan.Schema gives: run \"make generate\"", file)
	}
}
