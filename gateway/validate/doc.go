// Package validate finds out whether what is sent is as it should be: messages by the
// rules in their protos, and JSON by a schema. What is not is refused with
// InvalidArgument, and each violation is told in a google.rpc.BadRequest.
//
//	rules, err := validate.NewRules(method.Input())
//	conn = rules.Conn(conn) // its calls carry only what keeps the rules
//
//	schema, err := validate.ReadSchema("order.json")
//	err = schema.Check(body)
package validate

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// mostViolations is how many are told of one request.
const mostViolations = 20

// refusal is an error that tells violations.
func refusal(what string, all []*errdetails.BadRequest_FieldViolation) error {
	s := status.New(codes.InvalidArgument, what)
	if told, err := s.WithDetails(&errdetails.BadRequest{FieldViolations: all}); err == nil {
		s = told
	}
	return s.Err()
}
