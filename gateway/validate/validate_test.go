package validate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	validatepb "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	notifyv1 "github.com/kerf-go/kerf/examples/chirp/notify/v1"
	"github.com/kerf-go/kerf/gateway/validate"
)

func ExampleSchema_Check() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "order.json")
	if err := os.WriteFile(file, []byte(`{"properties": {"count": {"minimum": 1}}}`), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	schema, err := validate.ReadSchema(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schema.Check([]byte(`{"count": 2}`)))
	fmt.Println(status.Convert(schema.Check([]byte(`{"count": 0}`))).Message())
	// Output:
	// <nil>
	// the body does not fit its schema: at "/count": minimum: got 0, want 1
}

// sent is a conn that counts what is sent.
type sent struct {
	grpc.ClientConnInterface
	grpc.ClientStream

	n int
}

func (s *sent) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return s, nil
}

func (s *sent) SendMsg(any) error {
	s.n++
	return nil
}

func TestAStreamSendsOnlyWhatKeepsTheRules(t *testing.T) {
	t.Parallel()
	rules, err := validate.NewRules((*notifyv1.SubscribeRequest)(nil).ProtoReflect().Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	under := new(sent)
	s, err := rules.Conn(under).NewStream(t.Context(), &grpc.StreamDesc{}, "/a/B")
	if err != nil {
		t.Fatal(err)
	}
	err = s.SendMsg(new(notifyv1.SubscribeRequest))
	bad, _ := status.Convert(err).Details()[0].(*errdetails.BadRequest)
	field := bad.GetFieldViolations()[0].GetField()
	if status.Code(err) != codes.InvalidArgument || field != "account_id" || under.n != 0 {
		t.Errorf("%v, %d sent", err, under.n)
	}
	if err := s.SendMsg(&notifyv1.SubscribeRequest{AccountId: 1}); err != nil || under.n != 1 {
		t.Errorf("%v, %d sent", err, under.n)
	}
}

func TestAWrongRuleIsToldWhenItIsMadeReady(t *testing.T) {
	t.Parallel()
	o := new(descriptorpb.MessageOptions)
	proto.SetExtension(o, validatepb.E_Message, validatepb.MessageRules_builder{
		Cel: []*validatepb.Rule{validatepb.Rule_builder{Id: new("a"), Expression: new("this.nothing == 1")}.Build()},
	}.Build())
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("wrong.proto"), Package: new("wrong"), Syntax: new("proto3"),
		Dependency:  []string{"buf/validate/validate.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("Wrong"), Options: o}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	_, err = validate.NewRules(file.Messages().Get(0))
	if err == nil || !strings.Contains(err.Error(), "rules of wrong.Wrong: ") {
		t.Error(err)
	}
}

func TestASchemaReadsFilesAndFetchesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"order.json": `{"items": {"$ref": "item.json"}}`, "item.json": `{"type": "string"}`,
		"remote.json": `{"$ref": "http://127.0.0.1:1/item.json"}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := validate.ReadSchema(filepath.Join(folder, "order.json"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Check([]byte(`["a"]`)) != nil || s.Check([]byte(`["a", 1]`)) == nil {
		t.Error("the file that it refers to does not count")
	}
	if _, err := validate.ReadSchema(filepath.Join(folder, "remote.json")); err == nil {
		t.Error("a schema from elsewhere is taken")
	}
	many := "[" + strings.Repeat("1,", 100) + "1]"
	bad, _ := status.Convert(s.Check([]byte(many))).Details()[0].(*errdetails.BadRequest)
	if n := len(bad.GetFieldViolations()); n != 20 {
		t.Errorf("%d violations are told", n)
	}
}
