package story

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
)

// Survive kills each process right after it has acknowledged something, and one
// of them in the midst of writing. Nothing that was acknowledged is lost.
func Survive(t *testing.T, site Site, processes Processes) {
	t.Helper()
	again := func(process string) {
		processes.Kill(process)
		processes.Restart(process)
	}
	ann, bob := NewVisitor(t, "ann", site.URL), NewVisitor(t, "bob", site.URL)
	ann.SignUp("ann", annsPassword)
	again("accounts")
	ann.Sees("/settings", http.StatusOK, "Log out") // still logged in
	NewVisitor(t, "ann again", site.URL).LogIn("ann", annsPassword)
	bob.SignUp("bob", bobsPassword)

	ann.Write("Acknowledged is kept.")
	again("messages")
	ann.Sees("/", http.StatusOK, "Acknowledged is kept.")

	bob.Follow("ann")
	again("follows")
	bob.Sees("/", http.StatusOK, "Acknowledged is kept.")
	bob.Sees("/@ann", http.StatusOK, "1 follower", "Unfollow")

	again("notify")
	again("web")
	ann.Write("Still logged in.")
	bob.Sees("/", http.StatusOK, "Still logged in.")

	killInTheMidst(t, site, processes)
}

// killInTheMidst kills messages while posts are streaming in.
func killInTheMidst(t *testing.T, site Site, processes Processes) {
	t.Helper()
	const author, enough = 77, 20
	acknowledged := make(chan int64, 1<<16)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer close(acknowledged)
		for i := 0; ctx.Err() == nil; i++ {
			answer, err := site.Messages.CreatePost(ctx, &messagesv1.CreatePostRequest{
				AuthorId: author, ClientId: strconv.Itoa(i), Text: "post " + strconv.Itoa(i),
			})
			if err != nil {
				return
			}
			acknowledged <- answer.GetPost().GetId()
		}
	}()
	kept := make(map[int64]bool)
	for range enough {
		kept[<-acknowledged] = true
	}
	processes.Kill("messages")
	cancel() // no acknowledgement comes any more; over a broker a caller learns it only after a while
	for id := range acknowledged {
		kept[id] = true
	}
	processes.Restart("messages")
	for id := range kept {
		if _, err := site.Messages.GetPost(t.Context(), &messagesv1.GetPostRequest{Id: id}); err != nil {
			t.Errorf("post %d of %d was acknowledged and is lost: %v", id, len(kept), err)
		}
	}
}
