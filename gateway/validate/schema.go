package validate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/internal/strictjson"
)

// Schema checks JSON by a JSON Schema of any draft from 4 to 2020-12, which is the one of
// a schema that names none. Formats are checked, too. It is safe for concurrent use.
type Schema struct{ schema *jsonschema.Schema }

// ReadSchema reads a schema, and the files that it refers to. Nothing is fetched.
func ReadSchema(file string) (*Schema, error) {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(absolute); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	made, err := c.Compile(absolute)
	if err != nil {
		return nil, err
	}
	return &Schema{made}, nil
}

// Check tells what is wrong with a text, by JSON pointers (RFC 6901).
func (s *Schema) Check(text []byte) error {
	v, err := strictjson.Decode(text)
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "the body is not the JSON that is taken here: %v", err)
	}
	err = s.schema.Validate(v)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return status.Error(codes.InvalidArgument, "the body cannot be checked")
	}
	all := violations(nil, invalid, message.NewPrinter(language.English))
	if len(all) == 0 {
		return status.Error(codes.InvalidArgument, "the body does not fit its schema")
	}
	return refusal(fmt.Sprintf("the body does not fit its schema: at %q: %s",
		all[0].GetField(), all[0].GetDescription()), all)
}

// mostText is how much of a violation is told, in bytes: it may repeat what was sent.
const mostText = 200

// violations adds the causes that have none themselves.
func violations(
	all []*errdetails.BadRequest_FieldViolation, e *jsonschema.ValidationError, p *message.Printer,
) []*errdetails.BadRequest_FieldViolation {
	for _, cause := range e.Causes {
		all = violations(all, cause, p)
	}
	if len(e.Causes) > 0 || len(all) == mostViolations {
		return all
	}
	text := e.ErrorKind.LocalizedString(p)
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "") + "..."
	}
	return append(all, &errdetails.BadRequest_FieldViolation{
		Field: pointer(e.InstanceLocation), Description: text, Reason: strings.Join(e.ErrorKind.KeywordPath(), "/"),
	})
}

func pointer(way []string) string {
	var p strings.Builder
	for _, step := range way {
		p.WriteByte('/')
		p.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	return p.String()
}
