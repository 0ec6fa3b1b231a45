package run

import (
	"net"
	"net/http"
	"net/netip"
)

// onlyByAddress answers requests that name the host by its address, or localhost. A
// page in a browser on this machine can give its own name the address of a listener
// here (DNS rebinding), and would read the admin's pages; it cannot hide the name.
func onlyByAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
			http.Error(w, "ask for this by the listener's address, not by a name", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
