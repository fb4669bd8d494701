package storage

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// server is an S3 in this process whose answers can be spoiled.
type server struct {
	*httptest.Server
	backend *s3mem.Backend

	mu     sync.Mutex
	rng    *rand.Rand
	share  float64 // of requests that go wrong
	counts map[string]int
}

// newServer starts a server with the bucket zoo, and points the environment at it.
func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{backend: s3mem.New(), rng: rand.New(rand.NewPCG(1, 2)), counts: map[string]int{}}
	if err := s.backend.CreateBucket("zoo"); err != nil {
		t.Fatal(err)
	}
	inner := gofakes3.New(s.backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.answer(inner, w, r)
	}))
	t.Cleanup(s.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": s.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	} {
		t.Setenv(name, value)
	}
	return s
}

// spoil sets the share of requests that go wrong.
func (s *server) spoil(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.share = share
}

// fault draws what goes wrong with a request; empty for nothing.
func (s *server) fault() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rng.Float64() >= s.share {
		return ""
	}
	kinds := []string{"unavailable", "slow down", "internal", "dropped", "dropped late", "cut", "slow"}
	kind := kinds[s.rng.IntN(len(kinds))]
	s.counts[kind]++
	return kind
}

func (s *server) answer(inner http.Handler, w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code string) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>injected</Message></Error>", code)
	}
	switch s.fault() {
	case "unavailable":
		refuse(http.StatusServiceUnavailable, "ServiceUnavailable")
	case "slow down":
		refuse(http.StatusServiceUnavailable, "SlowDown")
	case "internal":
		refuse(http.StatusInternalServerError, "InternalError")
	case "dropped": // in the middle of the request
		io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case "dropped late": // the server has done it, and nobody hears of it
		inner.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case "cut": // the answer is cut off
		whole := httptest.NewRecorder()
		inner.ServeHTTP(whole, r)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
		w.WriteHeader(whole.Code)
		w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	case "slow":
		time.Sleep(50 * time.Millisecond)
		fallthrough
	default:
		inner.ServeHTTP(w, r)
	}
}

// content returns an object's bytes, past all faults; nil if there is none.
func (s *server) content(t *testing.T, key string) []byte {
	t.Helper()
	o, err := s.backend.GetObject("zoo", key, nil)
	if err != nil {
		return nil
	}
	defer o.Contents.Close()
	data, err := io.ReadAll(o.Contents)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// put makes an object, past all faults.
func (s *server) put(t *testing.T, key string, data []byte) {
	t.Helper()
	if _, err := s.backend.PutObject("zoo", key, nil, bytes.NewReader(data), int64(len(data)), nil); err != nil {
		t.Fatal(err)
	}
}

// keys lists the bucket, past all faults.
func (s *server) keys(t *testing.T) []string {
	t.Helper()
	list, err := s.backend.ListBucket("zoo", nil, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, c := range list.Contents {
		keys = append(keys, c.Key)
	}
	return keys
}
