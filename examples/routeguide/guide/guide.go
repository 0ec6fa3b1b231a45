// Package guide is ordinary gRPC code that knows nothing of Kerf: a service with a
// method of each kind, a client of it, and interceptors. The programs before and
// after the move share it.
package guide

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	routeguidev1 "github.com/kerf-go/kerf/examples/routeguide/v1"
)

type (
	note       = routeguidev1.Note
	place      = routeguidev1.Place
	sight      = routeguidev1.Sight
	tour       = routeguidev1.Tour
	tourStream = grpc.ClientStreamingServer[routeguidev1.RecordTourRequest, tour]
	noteStream = grpc.BidiStreamingServer[note, note]
)

// Guide knows the sights of a valley. It is safe for concurrent use.
type Guide struct {
	routeguidev1.UnimplementedGuideServer
	sights []*sight // from west to east

	mu    sync.Mutex // guards notes
	notes []*note
}

// New makes a guide to the valley.
func New() *Guide {
	return &Guide{sights: []*sight{
		{Name: "the old sawmill", Place: &place{East: 300, North: 400}},
		{Name: "the lime kiln", Place: &place{East: 700, North: 100}},
		{Name: "the charcoal burners' hut", Place: &place{East: 1200, North: 900}},
		{Name: "the view of the weir", Place: &place{East: 1800, North: 400}},
	}}
}

func (g *Guide) at(p *place) *sight {
	i := slices.IndexFunc(g.sights, func(s *sight) bool { return proto.Equal(s.GetPlace(), p) })
	if i < 0 {
		return nil
	}
	return g.sights[i]
}

// GetSight is unary.
func (g *Guide) GetSight(_ context.Context, r *routeguidev1.GetSightRequest) (*sight, error) {
	s := g.at(r.GetPlace())
	if s == nil {
		return nil, status.Errorf(codes.NotFound, "there is nothing to see %d m east, %d m north",
			r.GetPlace().GetEast(), r.GetPlace().GetNorth())
	}
	return s, nil
}

// ListSights streams its answers.
func (g *Guide) ListSights(r *routeguidev1.ListSightsRequest, answers grpc.ServerStreamingServer[sight]) error {
	from, to := r.GetFrom(), r.GetTo()
	for _, s := range g.sights {
		if !between(from.GetEast(), s.GetPlace().GetEast(), to.GetEast()) ||
			!between(from.GetNorth(), s.GetPlace().GetNorth(), to.GetNorth()) {
			continue
		}
		if err := answers.Send(s); err != nil {
			return err
		}
	}
	return nil
}

func between[T cmp.Ordered](a, x, b T) bool { return min(a, b) <= x && x <= max(a, b) }

// RecordTour takes a stream.
func (g *Guide) RecordTour(walk tourStream) error {
	var (
		sum    tour
		metres float64
		last   *place
	)
	for {
		r, err := walk.Recv()
		if errors.Is(err, io.EOF) {
			sum.Metres = int32(math.Round(metres))
			return walk.SendAndClose(&sum)
		}
		if err != nil {
			return err
		}
		here := r.GetPlace()
		if s := g.at(here); s != nil {
			sum.Sights = append(sum.GetSights(), s.GetName())
		}
		if last != nil {
			metres += math.Hypot(float64(here.GetEast()-last.GetEast()), float64(here.GetNorth()-last.GetNorth()))
		}
		sum.Places++
		last = here
	}
}

// Chat streams both ways.
func (g *Guide) Chat(chat noteStream) error {
	for {
		n, err := chat.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, other := range g.leave(n) {
			if err := chat.Send(other); err != nil {
				return err
			}
		}
	}
}

// leave keeps a note, and gives those that lie at its place already.
func (g *Guide) leave(n *note) []*note {
	g.mu.Lock()
	defer g.mu.Unlock()
	var there []*note
	for _, other := range g.notes {
		if proto.Equal(other.GetPlace(), n.GetPlace()) {
			there = append(there, other)
		}
	}
	g.notes = append(g.notes, n)
	return there
}
