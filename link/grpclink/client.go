package grpclink

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/kerf-go/kerf/link"
)

var _ link.Conn = (*grpc.ClientConn)(nil)

const dialTimeout = 5 * time.Second

// reconnect makes a server that comes back be found within a second or so.
var reconnect = backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}

func dial(
	u *url.URL, o link.DialOptions, heartbeat time.Duration, more ...grpc.DialOption,
) (link.Conn, error) {
	creds := insecure.NewCredentials()
	if u.Scheme == "grpcs" {
		creds = credentials.NewTLS(o.TLS)
	}
	for _, h := range o.Stats {
		more = append(more, grpc.WithStatsHandler(h))
	}
	more = append(more,
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(), // as on the other links
		grpc.WithUserAgent(o.UserAgent),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: dialTimeout}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: heartbeat, Timeout: min(heartbeat, defaultHeartbeat),
		}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(cmp.Or(o.MaxRecv, link.DefaultMaxRecv)),
			grpc.MaxCallSendMsgSize(cmp.Or(o.MaxSend, link.DefaultMaxSend)),
		),
		// The innermost interceptors mark errors, so that the others see the marks.
		grpc.WithChainUnaryInterceptor(append(slices.Clone(o.Unary), markUnary)...),
		grpc.WithChainStreamInterceptor(append(slices.Clone(o.Stream), markStream)...),
		grpc.WithStatsHandler(observer{}),
	)
	// passthrough: the host goes to net.Dial as it is.
	return grpc.NewClient("passthrough:///"+u.Host, more...)
}
