package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestARateByUserTakesThoseWithoutANameByTheirAddress(t *testing.T) {
	t.Parallel()
	key, byUser, err := rateKey("user")
	if err != nil || !byUser {
		t.Fatal(byUser, err)
	}
	v := &visit{client: client{address: netip.MustParseAddr("192.0.2.1")}}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	if got := key(r); got != "client:192.0.2.1" {
		t.Error(got)
	}
	v.user = "ada"
	if got := key(r); got != "user:ada" {
		t.Error(got)
	}
}
