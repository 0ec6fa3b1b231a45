package plan_test

import (
	"fmt"
	"os"

	"github.com/kerf-go/kerf/plan"
)

func Example() {
	p, err := plan.Parse("plan.yaml", []byte(`
version: 1
app: chirp
link: http
processes:
  edge: {services: [web], web: 127.0.0.1:8080}
  core: {services: [accounts, follows]}
  feed: {services: [messages, notify]}
`), chirp())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Table(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// app    chirp
	// plan   plan.yaml
	// admin  127.0.0.1:0
	//
	// PROCESS  SERVICES           LINK  LISTEN              WEB
	// edge     web                                          127.0.0.1:8080
	// core     accounts, follows  http  http://127.0.0.1:0
	// feed     messages, notify   http  http://127.0.0.1:0
	//
	// CALLER        CALLEE    METHODS                    LINK    WAIT   DEADLINE
	// notify    ->  follows   Follow, AllFollowing       http    reply  5s
	// messages  ->  follows   Follow, AllFollowing       http    reply  5s
	// messages  ->  notify    Deliver                    inproc  reply  5s
	//                         Subscribe (server stream)  inproc  reply  none
	// web       ->  accounts  SignUp, LogIn, LogOut      http    reply  5s
	// web       ->  follows   Follow, AllFollowing       http    reply  5s
	// web       ->  messages  CreatePost, ListHome       http    reply  5s
	// web       ->  notify    Deliver                    http    reply  5s
	//                         Subscribe (server stream)  http    reply  none
	//
	// POLICY     WHAT                                                                    METHODS             FROM
	// deadline   5s                                                                      all                 default
	// bulkhead   256 calls, 256 wait at most 100ms                                       all                 default
	// breaker    50% of 20 calls in 10s, open 5s, 3 probes                               all                 default
	// retry      3 attempts, pauses 25ms to 1s, budget 10%, only of what was never sent  all not idempotent  default
	//            3 attempts, pauses 25ms to 1s, budget 10%                               all idempotent      default
	// admission  adaptive, 32 to 2000 calls                                              all                 default
	// panic      the call fails, the process lives on                                    all                 always
	// drain      20s                                                                     all                 default
}

func ExampleErrors() {
	_, err := plan.Parse("plan.yaml", []byte(`version: 1
app: chirp
link: htp
processes:
  all: {services: [accounts, follows, messages, notfy, web], replicas: two}
`), chirp())
	fmt.Println(err)
	// Output:
	// plan.yaml:3:7: there is no link "htp"; did you mean http?
	// plan.yaml:5:49: the app has no service "notfy"; did you mean notify?
	// plan.yaml:5:72: replicas of process all is "two"; it must be a whole number from 1 to 1000
}
