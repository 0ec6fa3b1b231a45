// Package transcode answers plain HTTP with JSON by calling gRPC methods, as the
// google.api.http annotations of their protos say:
//
//	rpc GetBook(GetBookRequest) returns (Book) {
//	  option (google.api.http) = {get: "/v1/{name=shelves/*/books/*}"};
//	}
//
//	h, err := transcode.New([]transcode.Service{{Desc: desc, Conn: conn}}, transcode.Options{})
//	http.ListenAndServe("127.0.0.1:8080", h)
//
//	curl 127.0.0.1:8080/v1/shelves/3/books/7
//
// Path, query and body are bound straight into the request message, whose conn may be
// any: one that leads to another process, or to a service of this one. A method
// without an annotation is POST /package.Service/Method with its message as the body.
//
// Messages follow protobuf's JSON mapping. What a request has and its method does not
// know, in the query or in the body, is refused by name. Errors are google.rpc.Status
// as JSON, or problem details (RFC 9457) for clients that accept those. The answers
// of a server stream are lines of JSON, or events for clients that accept those.
package transcode
