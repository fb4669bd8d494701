package storage

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"gocloud.dev/blob"
)

// server stands in for a cloud; its answers can be spoiled.
type server struct {
	*httptest.Server
	bucket string       // its URL
	behind *blob.Bucket // the same, past all faults

	mu     sync.Mutex
	rng    *rand.Rand
	share  float64 // of requests that go wrong
	status int     // of all answers, unless 0
	counts map[string]int
	kinds  []string // of what goes wrong; nil for all
}

// spoil sets the share of requests that go wrong.
func (s *server) spoil(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.share = share
}

// refuse has all requests answered with a status; 0 ends that.
func (s *server) refuse(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// fault draws what goes wrong with a request; empty for nothing.
func (s *server) fault() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rng.Float64() >= s.share {
		return ""
	}
	kinds := s.kinds
	if kinds == nil {
		kinds = []string{"unavailable", "slow down", "internal", "dropped", "dropped late", "cut", "slow"}
	}
	kind := kinds[s.rng.IntN(len(kinds))]
	s.counts[kind]++
	return kind
}

func (s *server) answer(inner http.Handler, w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code string) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Ms-Error-Code", code)
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>injected</Message></Error>", code)
	}
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	if status != 0 {
		refuse(status, "Refused")
		return
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
