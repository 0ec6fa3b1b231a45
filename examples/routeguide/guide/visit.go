package guide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc/status"

	routeguidev1 "github.com/kerf-go/kerf/examples/routeguide/v1"
)

// Visit makes a call of each kind, and writes what comes of it.
func Visit(ctx context.Context, client routeguidev1.GuideClient, out io.Writer) error {
	for _, part := range []func(context.Context, routeguidev1.GuideClient, io.Writer) error{look, list, walk, talk} {
		if err := part(ctx, client, out); err != nil {
			return err
		}
	}
	return nil
}

func look(ctx context.Context, client routeguidev1.GuideClient, out io.Writer) error {
	s, err := client.GetSight(ctx, &routeguidev1.GetSightRequest{Place: &place{East: 300, North: 400}})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "here is %s\n", s.GetName())
	_, err = client.GetSight(ctx, &routeguidev1.GetSightRequest{Place: &place{East: 1, North: 1}})
	fmt.Fprintf(out, "elsewhere: %s: %s\n", status.Code(err), status.Convert(err).Message())
	return nil
}

func list(ctx context.Context, client routeguidev1.GuideClient, out io.Writer) error {
	sights, err := client.ListSights(ctx, &routeguidev1.ListSightsRequest{
		From: &place{}, To: &place{East: 1500, North: 1000},
	})
	if err != nil {
		return err
	}
	for {
		s, err := sights.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d m to the east is %s\n", s.GetPlace().GetEast(), s.GetName())
	}
}

func walk(ctx context.Context, client routeguidev1.GuideClient, out io.Writer) error {
	stream, err := client.RecordTour(ctx)
	if err != nil {
		return err
	}
	for _, p := range []*place{{}, {East: 300, North: 400}, {East: 700, North: 100}} {
		if err := stream.Send(&routeguidev1.RecordTourRequest{Place: p}); err != nil {
			break // CloseAndRecv tells why
		}
	}
	sum, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "a tour of %d m by %s\n", sum.GetMetres(), strings.Join(sum.GetSights(), " and "))
	return nil
}

func talk(ctx context.Context, client routeguidev1.GuideClient, out io.Writer) error {
	stream, err := client.Chat(ctx)
	if err != nil {
		return err
	}
	for _, text := range []string{"mind the blade", "I did"} {
		if err := stream.Send(&note{Place: &place{East: 300, North: 400}, Text: text}); err != nil {
			break // Recv tells why
		}
	}
	found, err := stream.Recv()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "somebody wrote: %s\n", found.GetText())
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err = stream.Recv(); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
