package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func caddyProxy(ctx context.Context, upstream string, ready func(string)) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	config := fmt.Sprintf(caddyConfig, address, strings.TrimPrefix(upstream, "http://"))
	if err := caddy.Load([]byte(config), true); err != nil {
		return err
	}
	ready(address)
	<-ctx.Done()
	return caddy.Stop()
}
