package messages

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	messagesv1 "github.com/kerf-go/kerf/examples/chirp/messages/v1"
	"github.com/kerf-go/kerf/store"
)

// postStore is the SQL. What is not there is sql.ErrNoRows.
type postStore struct{ db *store.DB }

const postColumns = `posts.id, posts.author_id, posts.text, posts.created_at`

type row interface{ Scan(dest ...any) error }

// scanPost reads postColumns and whatever columns follow them.
func scanPost(r row, more ...any) (*messagesv1.Post, error) {
	p := &messagesv1.Post{}
	var created int64
	if err := r.Scan(append([]any{&p.Id, &p.AuthorId, &p.Text, &created}, more...)...); err != nil {
		return nil, err
	}
	p.CreatedAt = timestamppb.New(time.UnixMicro(created))
	return p, nil
}

// add stores a post, or finds the one that the author stored under the same
// client id before; isNew tells which.
func (s *postStore) add(
	ctx context.Context, author int64, clientID, text string, now time.Time,
) (p *messagesv1.Post, isNew bool, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		p, err = scanPost(tx.QueryRowContext(ctx, `INSERT INTO posts (author_id, client_id, text, created_at)
			VALUES (?, ?, ?, ?) ON CONFLICT (author_id, client_id) DO NOTHING RETURNING `+postColumns,
			author, clientID, text, now.UnixMicro()))
		if isNew = !errors.Is(err, sql.ErrNoRows); isNew {
			return err
		}
		p, err = scanPost(tx.QueryRowContext(ctx,
			`SELECT `+postColumns+` FROM posts WHERE author_id = ? AND client_id = ?`, author, clientID))
		return err
	})
	return p, isNew, err
}

func (s *postStore) byID(ctx context.Context, id int64) (*messagesv1.Post, error) {
	return scanPost(s.db.QueryRowContext(ctx, `SELECT `+postColumns+` FROM posts WHERE id = ?`, id))
}

func (s *postStore) newest(ctx context.Context, before int64, limit int) ([]*messagesv1.Post, error) {
	return store.All(ctx, s.db, readPost,
		`SELECT `+postColumns+` FROM posts WHERE id < ? ORDER BY id DESC LIMIT ?`, before, limit)
}

// byAuthors takes the newest few of each author and the newest of those, so that
// its work grows with the authors and not with all they have ever written.
func (s *postStore) byAuthors(
	ctx context.Context, authors []int64, before int64, limit int,
) ([]*messagesv1.Post, error) {
	list, err := json.Marshal(authors)
	if err != nil {
		return nil, fmt.Errorf("list authors: %w", err)
	}
	return store.All(ctx, s.db, readPost, `SELECT `+postColumns+`
		FROM (SELECT DISTINCT value AS id FROM json_each(?1)) AS author JOIN posts ON posts.id IN (
			SELECT own.id FROM posts AS own WHERE own.author_id = author.id AND own.id < ?2
			ORDER BY own.id DESC LIMIT ?3)
		ORDER BY posts.id DESC LIMIT ?3`, string(list), before, limit)
}

func (s *postStore) search(
	ctx context.Context, match string, before int64, limit int,
) ([]*messagesv1.SearchHit, error) {
	return store.All(ctx, s.db, readHit, `SELECT `+postColumns+`, highlight(search, 0, ?, ?)
		FROM search JOIN posts ON posts.id = search.rowid
		WHERE search MATCH ? AND search.rowid < ? ORDER BY search.rowid DESC LIMIT ?`,
		markStart, markEnd, match, before, limit)
}

func readPost(r *sql.Rows) (*messagesv1.Post, error) { return scanPost(r) }

func readHit(r *sql.Rows) (*messagesv1.SearchHit, error) {
	var marked string
	post, err := scanPost(r, &marked)
	return &messagesv1.SearchHit{Post: post, Highlights: spans(marked)}, err
}
