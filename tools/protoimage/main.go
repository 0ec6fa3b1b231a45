// Command protoimage compiles .proto files into an image on stdout, which buf makes
// code of. What they import from other projects is taken out of the Go packages that
// carry it, so that no copy of it has to be kept or fetched:
//
//	go -C tools run ./protoimage .. examples/hello/v1/hello.proto | buf generate -
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	if len(os.Args) < 3 { //nolint:mnd // the root, and a file
		fmt.Fprintln(os.Stderr, "usage: protoimage ROOT FILE.proto...")
		os.Exit(2) //nolint:mnd // as flag does
	}
	if err := run(os.Args[1], os.Args[2:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "protoimage:", err)
		os.Exit(1)
	}
}

func run(root string, paths []string, w io.Writer) error {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: []string{root}}, protocompile.ResolverFunc(imported),
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), paths...)
	if err != nil {
		return err
	}
	set := new(descriptorpb.FileDescriptorSet)
	added := make(map[string]bool)
	var add func(f protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if added[f.Path()] {
			return
		}
		added[f.Path()] = true
		for i := range f.Imports().Len() { // what is imported stands before
			add(f.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protoutil.ProtoFromFileDescriptor(f))
	}
	for _, f := range files {
		add(f)
	}
	image, err := proto.Marshal(set)
	if err != nil {
		return err
	}
	_, err = w.Write(image)
	return err
}

// imported finds a file that is linked into this program.
func imported(path string) (protocompile.SearchResult, error) {
	f, err := protoregistry.GlobalFiles.FindFileByPath(path)
	if err != nil {
		return protocompile.SearchResult{}, err
	}
	return protocompile.SearchResult{Desc: f}, nil
}
