// Package openapi describes in OpenAPI 3.1 what package transcode answers:
//
//	h, err := transcode.New(services, transcode.Options{})
//	text, err := openapi.Document(openapi.Info{Title: "Books", Version: "1"}, h.Operations())
//
// Paths, parameters, bodies and answers come from the google.api.http annotations and the
// descriptors, and their schemas follow protobuf's JSON mapping. Comments are there if the
// descriptors have them: those that are linked into a program have not.
//
// Page gives a page for people, which shows such a document and makes requests. It needs no
// other host.
package openapi
