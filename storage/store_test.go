package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/hint"
)

// hasty is patience for tests.
var hasty = Patience{Tries: 20, Pause: time.Millisecond, Stall: 5 * time.Second}

func newStore(t *testing.T) *Store {
	t.Helper()
	s := &Store{Open: Open, Patience: hasty}
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
func TestTransfers(t *testing.T) { overClouds(t, testTransfers) }

func testTransfers(t *testing.T, srv *server) {
	s := newStore(t)
	srv.spoil(0.3)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i, size := range []int{0, 1, 1000, 3 << 20, 8 << 20, 8<<20 + 1, 17 << 20} {
		wg.Go(func() {
			data, url := noise(size, uint64(i)), srv.url(fmt.Sprint("deep/", i))
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
	list, err := s.List(t.Context(), srv.url("deep/"))
	if err != nil || len(list) != 7 || list[3].Size != 3<<20 {
		t.Errorf("list %+v, %v", list, err)
	}
	for _, o := range list {
		// Records have what is known of an object after it was written.
		if one, err := s.Stat(t.Context(), o.URL); err != nil || o.ETag == "" || o.ETag != one.ETag {
			t.Errorf("listed as %+v, and is %+v, %v", o, one, err)
		}
	}
	if _, err := s.Write(t.Context(), srv.url("small"), []byte("text")); err != nil {
		t.Error(err)
	}
	if data, o, err := s.Read(t.Context(), srv.url("small")); err != nil || string(data) != "text" || o.Size != 4 {
		t.Errorf("read %q, %+v, %v", data, o, err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), srv.url("small")); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	for _, name := range []string{"a b+c&d.onnx", "käfig/100%25 #1?.onnx"} {
		if _, err := s.Write(t.Context(), srv.url("names/"+name), []byte(name)); err != nil {
			t.Error(err)
		}
		if data, _, err := s.Read(t.Context(), srv.url("names/"+name)); err != nil || string(data) != name {
			t.Errorf("%s: read %q, %v", name, data, err)
		}
		if list, err := s.List(t.Context(), srv.url("names/"+name[:1])); err != nil || len(list) != 1 || list[0].URL != srv.url("names/"+name) {
			t.Errorf("%s: listed as %+v, %v", name, list, err)
		}
	}
	for _, kind := range []string{"unavailable", "dropped", "dropped late", "cut"} {
		if srv.counts[kind] == 0 {
			t.Errorf("nothing was spoilt in the way %q", kind)
		}
	}
}

// TestFinalErrors: what does not go away is not tried again.
func TestFinalErrors(t *testing.T) { overClouds(t, testFinalErrors) }

func testFinalErrors(t *testing.T, srv *server) {
	s := newStore(t)
	s.Patience.Tries, s.Patience.Pause = 1000, time.Hour
	_, err := s.Stat(t.Context(), srv.url("none"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), srv.url("none")) {
		t.Errorf("stat: %v", err)
	}
	file := filepath.Join(t.TempDir(), "f")
	if _, err := s.Get(t.Context(), srv.url("none"), file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get: %v", err)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := s.List(t.Context(), srv.bucket+"-nowhere/"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list of a bucket that is not there: %v", err)
	}
	// Content that is not what was written cannot be had.
	s.Patience = Patience{Tries: 2, Pause: time.Millisecond}
	srv.put(t, "bad", []byte("x"), strings.Repeat("0", 64))
	if _, err := s.Get(t.Context(), srv.url("bad"), file); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a damaged object: %v", err)
	}
}

// TestForbidden: an object that may not be seen does not count as one that is
// not there, or a lock that is held would be taken for one that was given up.
func TestForbidden(t *testing.T) { overClouds(t, testForbidden) }

func testForbidden(t *testing.T, srv *server) {
	s := newStore(t)
	s.Patience.Tries, s.Patience.Pause = 1000, time.Hour
	url := srv.url("mine")
	if _, err := s.Write(t.Context(), url, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{http.StatusForbidden, http.StatusUnauthorized} {
		srv.refuse(status)
		_, _, read := s.Read(t.Context(), url)
		_, stat := s.Stat(t.Context(), url)
		_, list := s.List(t.Context(), url)
		_, write := s.Write(t.Context(), url, []byte("y"))
		for verb, err := range map[string]error{"read": read, "stat": stat, "list": list, "write": write, "delete": s.Delete(t.Context(), url)} {
			if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(hint.Of(err), "credentials") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%d to %s: %v, hint %q", status, verb, err, hint.Of(err))
			}
		}
		srv.refuse(0)
	}
	if data, _, err := s.Read(t.Context(), url); err != nil || string(data) != "x" {
		t.Errorf("then %q, %v", data, err)
	}
}

// TestUnresolved: nor does an object whose storage has no address now.
func TestUnresolved(t *testing.T) {
	setenv(t, azureEnv("nowhere.invalid"))
	s := newStore(t)
	s.Patience = Patience{Tries: 2, Pause: time.Millisecond}
	if _, err := s.Stat(t.Context(), "azblob://zoo/a"); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "after 2 tries") {
		t.Errorf("error %v", err)
	}
}

// TestOutage: an operation ends when the storage stays away, and when it is
// cancelled.
func TestOutage(t *testing.T) { overClouds(t, testOutage) }

func testOutage(t *testing.T, srv *server) {
	s := newStore(t)
	srv.spoil(1)
	s.Patience = Patience{Tries: 2, Pause: time.Millisecond}
	srv.Close()
	if _, err := s.Stat(t.Context(), srv.url("a")); err == nil || !strings.Contains(err.Error(), "after 2 tries") {
		t.Errorf("an outage: %v", err)
	}
	s.Patience = Patience{Tries: 1000, Pause: time.Hour}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Stat(ctx, srv.url("a")); !errors.Is(err, context.DeadlineExceeded) {
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
func TestCutUpload(t *testing.T) { overClouds(t, testCutUpload) }

func testCutUpload(t *testing.T, srv *server) {
	s := newStore(t)
	var client *s3.Client
	inS3 := srv.behind.As(&client)
	name, key := strings.TrimPrefix(srv.bucket, "s3://"), "big"
	if inS3 { // as a killed process leaves it
		if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &name, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "big")
	data := noise(30<<20, 1)
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	_, err := s.Put(ctx, srv.url(key), file, true)
	cancel()
	if err == nil {
		t.Log("the upload was too fast to be cut off")
	} else if got := srv.content(t, key); got != nil {
		t.Errorf("%d bytes of a cut upload can be seen", len(got))
	}
	if _, err := s.Put(t.Context(), srv.url(key), file, false); err != nil {
		t.Fatal(err)
	}
	if got := srv.content(t, key); !bytes.Equal(got, data) {
		t.Errorf("%d bytes, which are not those that were sent", len(got))
	}
	if !inS3 {
		return
	}
	list, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &name})
	if err != nil || len(list.Uploads) != 0 {
		t.Errorf("%d unfinished uploads are left, %v", len(list.Uploads), err)
	}
}

// TestRace: of several who write the same new object at the same time one wins,
// and all others hear of it; what is there is his.
func TestRace(t *testing.T) { overClouds(t, testRace) }

func testRace(t *testing.T, srv *server) {
	s := newStore(t)
	dir := t.TempDir()
	for _, size := range []int{1000, 9 << 20} { // in one part, and in two
		var wg sync.WaitGroup
		key := fmt.Sprint("race/", size)
		results := make([]error, 4)
		for i := range results {
			wg.Go(func() {
				file := filepath.Join(dir, fmt.Sprint(size, " ", i))
				if results[i] = os.WriteFile(file, noise(size, uint64(i)), 0o666); results[i] == nil {
					_, results[i] = s.Put(t.Context(), srv.url(key), file, true)
				}
			})
		}
		wg.Wait()
		winners := 0
		for i, err := range results {
			switch {
			case err == nil:
				winners++
				if !bytes.Equal(srv.content(t, key), noise(size, uint64(i))) {
					t.Errorf("%d bytes: number %d was told that he wrote the object, and did not", size, i)
				}
			case !errors.Is(err, objects.ErrExists):
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		if winners != 1 {
			t.Errorf("%d bytes: %d of %d have written the object: %v", size, winners, len(results), results)
		}
	}
}
