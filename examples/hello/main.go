// Hello is the smallest app of several services: a page asks greeter, which asks
// names. The tutorial takes it apart.
//
//	go run ./examples/hello
//	curl http://127.0.0.1:8080/hello/ann
package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf"
	hellov1 "github.com/kerf-go/kerf/examples/hello/v1"
	"github.com/kerf-go/kerf/kit"
)

func main() { kit.Main(app()) }

func app() kerf.App {
	return kerf.App{Name: "hello", Services: []kerf.Service{
		{
			Name:   "names",
			Serves: []*grpc.ServiceDesc{&hellov1.Names_ServiceDesc},
			New: func(_ context.Context, h *kerf.Host) error {
				hellov1.RegisterNamesServer(h, names{})
				return nil
			},
		},
		{
			Name:   "greeter",
			Serves: []*grpc.ServiceDesc{&hellov1.Greeter_ServiceDesc},
			Calls:  []string{"names"},
			New: func(_ context.Context, h *kerf.Host) error {
				hellov1.RegisterGreeterServer(h, greeter{names: hellov1.NewNamesClient(h.Conn("names"))})
				return nil
			},
		},
		{
			Name:  "page",
			Calls: []string{"greeter"},
			New: func(_ context.Context, h *kerf.Host) error {
				h.Handle("GET /hello/{name}", page{greeter: hellov1.NewGreeterClient(h.Conn("greeter"))})
				return nil
			},
		},
	}}
}

type names struct {
	hellov1.UnimplementedNamesServer
}

func (names) Spell(_ context.Context, r *hellov1.SpellRequest) (*hellov1.SpellResponse, error) {
	name := strings.TrimSpace(r.GetName())
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return nil, status.Error(codes.InvalidArgument, "a name needs at least one letter")
	}
	return &hellov1.SpellResponse{Name: string(unicode.ToUpper(first)) + name[size:]}, nil
}

type greeter struct {
	hellov1.UnimplementedGreeterServer
	names hellov1.NamesClient
}

func (g greeter) Greet(ctx context.Context, r *hellov1.GreetRequest) (*hellov1.GreetResponse, error) {
	spelt, err := g.names.Spell(ctx, &hellov1.SpellRequest{Name: r.GetName()})
	if err != nil {
		return nil, err
	}
	return &hellov1.GreetResponse{Text: "Hello, " + spelt.GetName() + "!"}, nil
}

type page struct{ greeter hellov1.GreeterClient }

func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply, err := p.greeter.Greet(r.Context(), &hellov1.GreetRequest{Name: r.PathValue("name")})
	switch status.Code(err) { //nolint:exhaustive // the rest is our fault, not the reader's
	case codes.OK:
		fmt.Fprintln(w, reply.GetText())
	case codes.InvalidArgument:
		http.Error(w, status.Convert(err).Message(), http.StatusBadRequest)
	default:
		http.Error(w, "the greeter is away; try again soon", http.StatusServiceUnavailable)
	}
}
