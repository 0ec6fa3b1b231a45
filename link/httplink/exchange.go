package httplink

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// exchange is one HTTP request and what is known of its connection.
type exchange struct {
	ctx       context.Context //nolint:containedctx // the call's, with the trace
	dialer    *dialer
	connected chan struct{} // closed when the request has a connection to go by
	once      sync.Once
	peer      *peer.Peer // set before connected is closed
}

func newExchange(ctx context.Context, d *dialer) *exchange {
	e := &exchange{dialer: d, connected: make(chan struct{})}
	e.ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: e.gotConn})
	return e
}

func (e *exchange) gotConn(info httptrace.GotConnInfo) {
	e.once.Do(func() {
		e.peer = peerOf(info.Conn.RemoteAddr(), e.dialer.secure)
		e.peer.LocalAddr = info.Conn.LocalAddr()
		close(e.connected)
	})
}

func (e *exchange) isConnected() bool {
	select {
	case <-e.connected:
		return true
	default:
		return false
	}
}

func (e *exchange) Peer() *peer.Peer {
	if !e.isConnected() {
		return nil
	}
	return e.peer
}

func peerOf(addr net.Addr, secure bool) *peer.Peer {
	level := credentials.NoSecurity
	if secure {
		level = credentials.PrivacyAndIntegrity
	}
	return &peer.Peer{Addr: addr, AuthInfo: authInfo{credentials.CommonAuthInfo{SecurityLevel: level}}}
}

type authInfo struct{ credentials.CommonAuthInfo }

func (authInfo) AuthType() string { return "http" }
