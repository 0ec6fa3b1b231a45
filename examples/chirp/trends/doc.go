// Package trends declares the service that counts hashtags. It is a Python program,
// main.py, for which only Python's standard library is needed: an app knows of it,
// and a plan runs it.
//
//	processes:
//	  trends: {services: [trends], command: [python3, ../trends/main.py], link: http}
//
// Under a plan without it, Chirp is the same but for the trends.
package trends

import (
	"google.golang.org/grpc"

	"github.com/kerf-go/kerf"
	trendsv1 "github.com/kerf-go/kerf/examples/chirp/trends/v1"
)

// Service is trends for an app, which only knows of it.
func Service() kerf.Service {
	return kerf.Service{Name: "trends", Serves: []*grpc.ServiceDesc{&trendsv1.Trends_ServiceDesc}}
}
