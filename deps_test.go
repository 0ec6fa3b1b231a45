package kerf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kerf-go/kerf"

// pkg is what "go list -json" says of a package.
type pkg struct {
	ImportPath string   `json:"ImportPath"` //nolint:tagliatelle // as go list has them
	Imports    []string `json:"Imports"`    //nolint:tagliatelle // the same
	Deps       []string `json:"Deps"`       //nolint:tagliatelle // theirs too
}

// packages lists those of the module, tests left out.
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	list.Stderr = t.Output()
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := make(map[string]pkg)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// isLink tells of the packages that carry calls, each in a folder of its own.
func isLink(p string) bool {
	name, below := strings.CutPrefix(p, module+"/link/")
	return below && !strings.Contains(name, "/") && name != "call" && name != "linktest"
}

func isStore(p string) bool { return strings.HasPrefix(p, module+"/store/") }

func isBroker(p string) bool { return strings.HasPrefix(p, module+"/broker/") }

func within(folders ...string) func(string) bool {
	return func(p string) bool {
		return slices.ContainsFunc(folders, func(f string) bool {
			return p == f || strings.HasPrefix(p, f+"/")
		})
	}
}

func own(folders ...string) func(string) bool {
	for i, f := range folders {
		folders[i] = module + "/" + f
	}
	return within(folders...)
}

func anyOf(all ...func(string) bool) func(string) bool {
	return func(p string) bool {
		return slices.ContainsFunc(all, func(f func(string) bool) bool { return f(p) })
	}
}

// The arrows of the design: who must not depend on whom, directly or through others.
func TestNobodyDependsOnWhatHeMustNotKnow(t *testing.T) {
	t.Parallel()
	all := packages(t)
	root := func(p string) bool { return p == module }
	heavy := anyOf(within(
		"modernc.org", "connectrpc.com", "github.com/nats-io", "github.com/rabbitmq", "github.com/jackc",
		"github.com/quic-go", "github.com/spf13", "github.com/goccy"), isLink, isStore, isBroker)
	engine := own("kit", "run", "fleet", "kerftest", "gateway")
	for name, arrow := range map[string]struct{ who, not func(string) bool }{
		"the plan knows no engine and no batteries": {own("plan"), anyOf(engine, isLink, isStore, isBroker, root)},
		"link knows no engine and no batteries":     {own("link/call", "link/linktest"), anyOf(engine, isStore, root)},
		"the package link itself knows nothing else of Kerf": {
			func(p string) bool { return p == module+"/link" }, own("plan", "run", "kit", "seam", "store", "fleet"),
		},
		"policy knows no engine and no batteries": {own("policy"), engine},
		"balance knows conns only": {
			own("balance"), anyOf(engine, isLink, isStore, isBroker, own("plan", "seam", "policy", "telemetry"), root),
		},
		"what turns HTTP into calls knows conns only": {
			own("transcode"),
			anyOf(engine, isLink, isStore, isBroker, own("plan", "seam", "policy", "telemetry"), root),
		},
		"the gateway knows no links, stores and brokers by name": {
			own("gateway"), anyOf(isStore, isBroker, own("kit", "run", "fleet", "kerftest")),
		},
		"links know no engine, no batteries and no other link": {
			isLink, anyOf(isLink, engine, isStore, root, own("plan", "seam", "telemetry")),
		},
		"the root imports no broker, driver or web library": {
			root, anyOf(heavy, engine, own("plan", "seam", "telemetry")),
		},
		"the engine knows no link and no store by name": {
			own("run", "seam", "telemetry", "fleet"), anyOf(isLink, isStore, isBroker, own("kit")),
		},
		"the fleet knows processes only":          {own("fleet"), own("plan", "run", "link", "store", "seam")},
		"brokers know nothing but brokers":        {own("broker"), anyOf(engine, own("plan", "link", "seam"), root)},
		"stores know nothing but stores":          {own("store"), anyOf(engine, own("plan", "link", "seam"), root)},
		"the seam knows neither plans nor stores": {own("seam"), anyOf(engine, own("plan", "store"), root)},
		"what is linked into users' programs has no test kit": {
			anyOf(own("kit", "run"), root), within("testing", "github.com/chromedp"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, p := range all {
				if !arrow.who(p.ImportPath) {
					continue
				}
				for _, d := range p.Deps {
					if arrow.not(d) {
						t.Errorf("%s depends on %s", p.ImportPath, d)
					}
				}
			}
		})
	}
}

func TestLinksAreImportedByTheBatteriesAlone(t *testing.T) {
	t.Parallel()
	may := own("kit", "examples", "bench")
	gateways := func(p, d string) bool { // it takes in any client's calls, as that link's servers do
		return p == module+"/gateway" && d == module+"/link/httplink"
	}
	links := 0
	for _, p := range packages(t) {
		if isLink(p.ImportPath) {
			links++
		}
		for _, d := range p.Imports {
			if (isLink(d) || isStore(d) || isBroker(d)) && !may(p.ImportPath) && !gateways(p.ImportPath, d) {
				t.Errorf("%s imports %s, which only kit may", p.ImportPath, d)
			}
		}
	}
	if links < 2 {
		t.Errorf("only %d links were found: where have they gone?", links)
	}
}

func TestPeersStayOutOfTheModule(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, peer := range []string{
		"go-micro", "go-kit/kit", "go-kratos", "go-zero", "ServiceWeaver", "dapr", "encore.dev", "storj.io/drpc",
		"fullstorydev/grpchan", "twitchtv/twirp", "cloudwego", "goa.design", "asim", "micro/go-micro",
	} {
		if strings.Contains(string(text), peer) {
			t.Errorf("go.mod requires %s: comparisons belong to bench, a module of its own", peer)
		}
	}
}

// sources gives the module's own Go files that are written by hand.
func sources(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		foreign := strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools"
		if d.IsDir() && file != "." && foreign {
			return fs.SkipDir
		}
		if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, ".pb.go") {
			all = append(all, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	return all
}

func TestFilesAndPackagesKeepTheirSize(t *testing.T) {
	t.Parallel()
	const rootNames, subNames, lines = 40, 25, 800
	exports := make(map[string]int)
	for _, file := range sources(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > lines {
			t.Errorf("%s has %d lines: at most %d", file, n, lines)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains([]string{"util", "utils", "common", "types", "helpers", "misc", "base"}, parsed.Name.Name) {
			t.Errorf("%s: a package is named for what it holds, not %q", file, parsed.Name.Name)
		}
		exports[path.Dir(file)] += exported(parsed, path.Dir(file) == ".")
	}
	for folder, n := range exports {
		most := subNames
		if folder == "." {
			most = rootNames
		}
		if n > most {
			t.Errorf("the package in %s exports %d names: at most %d", folder, n, most)
		}
	}
}

// exported counts a file's exported names, with methods if asked.
func exported(f *ast.File, methods bool) int {
	n := 0
	count := func(name *ast.Ident) {
		if name.IsExported() {
			n++
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || methods {
				count(d.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					count(s.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						count(name)
					}
				}
			}
		}
	}
	return n
}
