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
	// notify    ->  follows   2 unary                    http    reply  5s
	// messages  ->  follows   2 unary                    http    reply  5s
	// messages  ->  notify    Deliver (unary)            inproc  reply  5s
	//                         Subscribe (server stream)  inproc  reply  none
	// web       ->  accounts  3 unary                    http    reply  5s
	// web       ->  follows   2 unary                    http    reply  5s
	// web       ->  messages  2 unary                    http    reply  5s
	// web       ->  notify    Deliver (unary)            http    reply  5s
	//                         Subscribe (server stream)  http    reply  none
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
