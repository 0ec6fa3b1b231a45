package call

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// reserved are the keys that belong to the protocol: callers can't forge them.
// The list is grpc-go's.
var reserved = map[string]bool{
	"content-type": true, "user-agent": true, "te": true,
	"grpc-message-type": true, "grpc-encoding": true, "grpc-message": true,
	"grpc-status": true, "grpc-timeout": true,
}

// dropReserved takes the reserved keys out of metadata that is ours to change.
func dropReserved(md metadata.MD) {
	for key := range md {
		if reserved[key] || strings.HasPrefix(key, ":") {
			delete(md, key)
		}
	}
}

// Identity is what the server is told of a conn with every call.
type Identity struct { // nobody changes what is in it
	authority, agent []string
	alone            metadata.MD // what leaves with a request that has no metadata
}

// NewIdentity takes whom the conn calls, the agent of its options, and the link's own.
func NewIdentity(authority, agent, own string) Identity {
	i := Identity{authority: []string{authority}, agent: []string{strings.TrimSpace(agent + " " + own)}}
	i.alone = metadata.MD{":authority": i.authority, "user-agent": i.agent}
	return i
}

// Header is the metadata that a request leaves with. Nobody may change it any more.
func (i Identity) Header(r Request) metadata.MD {
	if r.Header == nil && r.Authority == "" {
		return i.alone
	}
	if r.Header == nil {
		r.Header = make(metadata.MD, 2) //nolint:mnd // those below
	}
	r.Header[":authority"] = i.authority
	if r.Authority != "" {
		r.Header[":authority"] = []string{r.Authority}
	}
	r.Header["user-agent"] = i.agent
	return r.Header
}

// outgoing is the metadata that a call sends: the context's, and that of
// per-call credentials. It is the link's to keep.
func outgoing(
	ctx context.Context, creds credentials.PerRPCCredentials, secure bool, url, method string,
) (metadata.MD, error) {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy, with lower-case keys
	if err := Validate(md); err != nil {
		return nil, err
	}
	dropReserved(md)
	if creds == nil {
		return md, nil
	}
	if creds.RequireTransportSecurity() && !secure {
		return nil, status.Error(codes.Unauthenticated,
			"transport: cannot send secure credentials on an insecure connection")
	}
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	added, err := creds.GetRequestMetadata(ctx, url+"/"+service)
	if err != nil {
		return nil, credentialsError(err)
	}
	if md == nil {
		md = make(metadata.MD, len(added))
	}
	for key, value := range added {
		md.Append(key, value)
	}
	return md, nil
}

// credentialsError is how a call fails whose credentials do. Codes that only a
// callee may use are not taken from them (gRFC A54).
func credentialsError(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return status.Errorf(codes.Internal, "transport: per-RPC creds failed due to error: %v", err)
	}
	switch s.Code() { //nolint:exhaustive // the others may be used
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition,
		codes.Aborted, codes.OutOfRange, codes.DataLoss:
		return status.Errorf(codes.Internal, "transport: received per-RPC creds error with illegal status: %v", err)
	}
	return s.Err()
}

// Validate tells whether metadata may travel: keys of [0-9a-z-_.], and values of
// printable ASCII unless the key ends in "-bin". Its error is an Internal status.
func Validate(md metadata.MD) error {
	for key, values := range md {
		if err := validatePair(key, values); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	return nil
}

func validatePair(key string, values []string) error {
	if key == "" {
		return errors.New("there is an empty key in the header")
	}
	if key[0] == ':' {
		return nil // pseudo-headers are dropped later
	}
	for i := range len(key) {
		if !legalInKey(key[i]) {
			return fmt.Errorf("header key %q contains illegal characters not in [0-9a-z-_.]", key)
		}
	}
	if strings.HasSuffix(key, "-bin") {
		return nil
	}
	for _, value := range values {
		for i := range len(value) {
			if value[i] < 0x20 || value[i] > 0x7e {
				return fmt.Errorf("header key %q contains value with non-printable ASCII characters", key)
			}
		}
	}
	return nil
}

func legalInKey(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}
