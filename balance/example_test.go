package balance_test

import (
	"context"
	"fmt"

	"github.com/kerf-go/kerf/balance"
	"github.com/kerf-go/kerf/link"
)

// A replica that cannot be reached is passed over by the next call, a retry say.
func Example() {
	dial := func(string) (link.Conn, error) { return &replica{}, nil }
	b := balance.New(dial, balance.Options{Observe: func(_ context.Context, e balance.Event) {
		fmt.Println("a replica is", e.State+":", e.Err)
	}})
	defer b.Close()
	b.Update([]string{"http://10.0.0.1:80", "http://10.0.0.2:80"})

	first, err := b.Pick(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	first.Done(refused) // what first.Conn() gave

	second, err := b.Pick(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the second attempt goes elsewhere:", first.URL() != second.URL())
	second.Done(nil)
	// Output:
	// a replica is passed over: rpc error: code = Unavailable desc = it went wrong
	// the second attempt goes elsewhere: true
}
