package survey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const service = "routeguide.v1.Guide"

// explore does what grpcurl does: it asks what there is, asks for the descriptors,
// and calls each method with JSON and no generated code.
func explore(ctx context.Context, t *testing.T, conn grpc.ClientConnInterface) {
	t.Helper()
	mirror, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	names, err := services(mirror)
	want := []string{
		"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		service,
	}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("reflection lists %v, %v", names, err)
	}
	methods, err := describe(mirror)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, request, want string }{
		{"GetSight", `{"place": {"east": 700, "north": 100}}`, "the lime kiln"},
		{"GetSight", `{"place": {"east": 5}}`, "code = NotFound"},
		{"ListSights", `{"to": {"east": 9999, "north": 9999}}`, "the view of the weir"},
		{"RecordTour", `{"place": {"east": 1200, "north": 900}}`, "the charcoal burners' hut"},
		{"Chat", `{"place": {"east": 300, "north": 400}, "text": "hello"}`, "I did"},
	} {
		got := call(ctx, conn, methods.ByName(protoreflect.Name(c.method)), c.request)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s %s gives %s, want %s", c.method, c.request, got, c.want)
		}
	}
	if err := mirror.CloseSend(); err != nil {
		t.Error(err)
	}
}

type mirror = grpc.BidiStreamingClient[
	reflectionpb.ServerReflectionRequest, reflectionpb.ServerReflectionResponse,
]

func services(m mirror) ([]string, error) {
	err := m.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		return nil, err
	}
	answer, err := m.Recv()
	var names []string
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	slices.Sort(names)
	return names, err
}

// describe gives the methods of the service as the server describes them.
func describe(m mirror) (protoreflect.MethodDescriptors, error) {
	err := m.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
	})
	if err != nil {
		return nil, err
	}
	answer, err := m.Recv()
	if err != nil {
		return nil, err
	}
	files := new(protoregistry.Files)
	for _, raw := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(raw, file); err != nil {
			return nil, err
		}
		described, err := protodesc.NewFile(file, files)
		if err == nil {
			err = files.RegisterFile(described)
		}
		if err != nil {
			return nil, err
		}
	}
	found, err := files.FindDescriptorByName(service)
	if err != nil {
		return nil, err
	}
	s, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is a %T", service, found)
	}
	return s.Methods(), nil
}

// call makes a call of any kind with one message, and gives all its answers, or its
// error.
func call(ctx context.Context, conn grpc.ClientConnInterface, m protoreflect.MethodDescriptor, request string) string {
	in := dynamicpb.NewMessage(m.Input())
	if err := protojson.Unmarshal([]byte(request), in); err != nil {
		return err.Error()
	}
	desc := &grpc.StreamDesc{ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer()}
	stream, err := conn.NewStream(ctx, desc, fmt.Sprintf("/%s/%s", service, m.Name()))
	if err != nil {
		return err.Error()
	}
	if err := errors.Join(stream.SendMsg(in), stream.CloseSend()); err != nil {
		return err.Error()
	}
	var answers strings.Builder
	for {
		out := dynamicpb.NewMessage(m.Output())
		err := stream.RecvMsg(out)
		if errors.Is(err, io.EOF) {
			return answers.String()
		}
		if err != nil {
			return err.Error()
		}
		answers.WriteString(protojson.Format(out))
		if !desc.ServerStreams {
			return answers.String()
		}
	}
}
