package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	gomod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	required := regexp.MustCompile(`(?m)^(?:require )?\t?([a-z][\w.-]+\.[\w./-]+) v\S+$`)
	direct := required.FindAllStringSubmatch(string(gomod), -1)
	if len(direct) == 0 {
		t.Fatal("no direct dependency found in go.mod")
	}
	for _, match := range direct {
		module := match[1]
		short := strings.TrimPrefix(module, "go.opentelemetry.io/otel") // its modules share a row
		if !strings.Contains(string(reasons), "`"+module+"`") && !strings.Contains(string(reasons), "`"+short+"`") {
			t.Errorf("docs/dependencies.md does not say what %s is for", module)
		}
	}
}
