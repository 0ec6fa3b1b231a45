package run

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kerf-go/kerf/link"
)

func (c *commands) lettersTable(all []link.DeadLetter) error {
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0) //nolint:mnd // two spaces between columns
	fmt.Fprintln(w, "ID\tMETHOD\tSTATUS\tATTEMPTS\tDIED\tERROR")
	for _, l := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%q\n", l.ID, dash(strings.TrimPrefix(l.Method, "/")), l.Status.Code(),
			l.Attempts, l.Died.Local().Format(time.DateTime), l.Status.Message()) //nolint:gosmopolitan // for people
	}
	return w.Flush()
}

type jsonLetter struct {
	ID       string          `json:"id"`
	Request  string          `json:"request"`
	Method   string          `json:"method"`
	Code     string          `json:"code"`
	Error    string          `json:"error"`
	Attempts int             `json:"attempts"`
	Accepted time.Time       `json:"accepted"`
	Died     time.Time       `json:"died"`
	Metadata metadata.MD     `json:"metadata,omitempty"`
	Message  json.RawMessage `json:"message,omitempty"` // an object; text in base64 if its type is not known
}

func jsonOf(l link.DeadLetter) jsonLetter {
	return jsonLetter{
		ID: l.ID, Request: l.Request, Method: strings.TrimPrefix(l.Method, "/"), Code: l.Status.Code().String(),
		Error: l.Status.Message(), Attempts: l.Attempts, Accepted: l.Accepted, Died: l.Died,
	}
}

func (c *commands) lettersJSON(all []link.DeadLetter) error {
	letters := make([]jsonLetter, 0, len(all))
	for _, l := range all {
		letters = append(letters, jsonOf(l))
	}
	return c.printJSON(letters)
}

func (c *commands) printJSON(v any) error {
	encoder := json.NewEncoder(c.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

func (c *commands) showLetter(ctx context.Context, letters link.DeadLetters, id string) error {
	all, err := letters.List(ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.ID == id {
			whole := jsonOf(l)
			whole.Metadata = l.Header
			if whole.Message, err = readable(l); err != nil {
				return err
			}
			return c.printJSON(whole)
		}
	}
	return fmt.Errorf("there is no dead letter %s: \"%s dead list\" shows what there is", id, c.app.Name)
}

// readable is a letter's message as an object, if the method is linked in.
func readable(l link.DeadLetter) (json.RawMessage, error) {
	service, method, _ := strings.Cut(strings.TrimPrefix(l.Method, "/"), "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if s, ok := d.(protoreflect.ServiceDescriptor); err == nil && ok && l.Codec == "proto" {
		if m := s.Methods().ByName(protoreflect.Name(method)); m != nil {
			message := dynamicpb.NewMessage(m.Input())
			if proto.Unmarshal(l.Message, message) == nil {
				return protojson.Marshal(message)
			}
		}
	}
	if l.Codec == "json" && json.Valid(l.Message) {
		return l.Message, nil
	}
	return json.Marshal(l.Message)
}
