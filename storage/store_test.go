package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"github.com/advparams/advparams/batch/objects"
)

// hasty is patience for tests.
var hasty = Patience{Tries: 20, Pause: time.Millisecond, Stall: 5 * time.Second}

func openBucket(ctx context.Context, bucket string) (*blob.Bucket, error) {
	return OpenS3(ctx, strings.TrimPrefix(bucket, "s3://"))
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s := &Store{Open: openBucket, Patience: hasty}
	t.Cleanup(func() { s.Close() })
	return s
}

func noise(n int, seed uint64) []byte {
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	data := make([]byte, n)
	rng.Read(data)
	return data
}

// TestTransfers sends and fetches objects while a third of all requests fails.
func TestTransfers(t *testing.T) {
	srv, s := newServer(t), newStore(t)
	srv.spoil(0.3)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i, size := range []int{0, 1, 1000, 3 << 20, 8 << 20, 8<<20 + 1, 17 << 20} {
		wg.Go(func() {
			data, url := noise(size, uint64(i)), fmt.Sprintf("s3://zoo/deep/%d", i)
			file, back := filepath.Join(dir, fmt.Sprint(i)), filepath.Join(dir, fmt.Sprint(i, " back"))
			if err := os.WriteFile(file, data, 0o666); err != nil {
				t.Error(err)
				return
			}
			put, err := s.Put(t.Context(), url, file, true)
			if err != nil || put.Size != int64(size) || put.SHA256 == "" || put.ETag == "" {
				t.Errorf("put of %d bytes: %+v, %v", size, put, err)
				return
			}
			got, err := s.Get(t.Context(), url, back)
			if err != nil || got != put {
				t.Errorf("get of %d bytes: %+v, want %+v, %v", size, got, put, err)
			}
			if text, err := os.ReadFile(back); err != nil || !bytes.Equal(text, data) {
				t.Errorf("%d bytes are not as they were: %d, %v", size, len(text), err)
			}
			other := filepath.Join(dir, fmt.Sprint(i, " other"))
			if err := os.WriteFile(other, append(data, 'x'), 0o666); err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Put(t.Context(), url, other, true); !errors.Is(err, objects.ErrExists) {
				t.Errorf("a second fresh one: %v", err)
			}
			if _, err := s.Put(t.Context(), url, file, false); err != nil {
				t.Errorf("replacing: %v", err)
			}
		})
	}
	wg.Wait()
	list, err := s.List(t.Context(), "s3://zoo/deep/")
	if err != nil || len(list) != 7 || list[3].Size != 3<<20 || list[3].ETag == "" {
		t.Errorf("list %+v, %v", list, err)
	}
	if _, err := s.Write(t.Context(), "s3://zoo/small", []byte("text")); err != nil {
		t.Error(err)
	}
	if data, o, err := s.Read(t.Context(), "s3://zoo/small"); err != nil || string(data) != "text" || o.Size != 4 {
		t.Errorf("read %q, %+v, %v", data, o, err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), "s3://zoo/small"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	for _, kind := range []string{"unavailable", "dropped", "dropped late", "cut"} {
		if srv.counts[kind] == 0 {
			t.Errorf("nothing was spoilt in the way %q", kind)
		}
	}
}

// TestFinalErrors: what does not go away is not tried again.
func TestFinalErrors(t *testing.T) {
	srv, s := newServer(t), newStore(t)
	s.Patience.Tries, s.Patience.Pause = 1000, time.Hour
	_, err := s.Stat(t.Context(), "s3://zoo/none")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "s3://zoo/none") {
		t.Errorf("stat: %v", err)
	}
	file := filepath.Join(t.TempDir(), "f")
	if _, err := s.Get(t.Context(), "s3://zoo/none", file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get: %v", err)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := s.List(t.Context(), "s3://nowhere/"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list of a bucket that is not there: %v", err)
	}
	// Content that is not what was written cannot be had.
	s.Patience = Patience{Tries: 2, Pause: time.Millisecond}
	if _, err := srv.backend.PutObject("zoo", "bad", map[string]string{"X-Amz-Meta-" + digestKey: strings.Repeat("0", 64)}, strings.NewReader("x"), 1, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "s3://zoo/bad", file); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a damaged object: %v", err)
	}
}

// TestOutage: an operation ends when the storage stays away, and when it is
// cancelled.
func TestOutage(t *testing.T) {
	srv, s := newServer(t), newStore(t)
	srv.spoil(1)
	s.Patience = Patience{Tries: 2, Pause: time.Millisecond}
	srv.Close()
	if _, err := s.Stat(t.Context(), "s3://zoo/a"); err == nil || !strings.Contains(err.Error(), "after 2 tries") {
		t.Errorf("an outage: %v", err)
	}
	s.Patience = Patience{Tries: 1000, Pause: time.Hour}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Stat(ctx, "s3://zoo/a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestStall gives up a try in which nothing moves.
func TestStall(t *testing.T) {
	p := Patience{Tries: 2, Pause: time.Millisecond, Stall: 20 * time.Millisecond}
	err := p.retry(t.Context(), func(ctx context.Context, _ *pulse) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, errStalled) {
		t.Errorf("error %v", err)
	}
}

// TestCutUpload: of an upload that is cut off nothing can be seen, and nothing
// is left when the object is written after all.
func TestCutUpload(t *testing.T) {
	srv, s := newServer(t), newStore(t)
	b, err := openBucket(t.Context(), "s3://zoo")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var client *s3.Client
	if !b.As(&client) {
		t.Fatal("no client")
	}
	uploads := func() int {
		bucket := "zoo"
		list, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Uploads)
	}
	// As a killed process leaves it.
	bucket, key := "zoo", "big"
	if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "big")
	data := noise(30<<20, 1)
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	_, err = s.Put(ctx, "s3://zoo/big", file, true)
	cancel()
	if err == nil {
		t.Log("the upload was too fast to be cut off")
	} else if got := srv.content(t, "big"); got != nil {
		t.Errorf("%d bytes of a cut upload can be seen", len(got))
	}
	if _, err := s.Put(t.Context(), "s3://zoo/big", file, false); err != nil {
		t.Fatal(err)
	}
	if got := srv.content(t, "big"); !bytes.Equal(got, data) {
		t.Errorf("%d bytes, which are not those that were sent", len(got))
	}
	if n := uploads(); n != 0 {
		t.Errorf("%d unfinished uploads are left", n)
	}
}
