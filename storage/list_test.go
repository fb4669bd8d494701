package storage

import (
	"fmt"
	"testing"
)

// TestListWhole: a listing of which a connection broke is asked for again. It never comes out
// short: a batch would leave models out without a word. The clients of the other clouds ask again
// themselves, which takes long.
func TestListWhole(t *testing.T) {
	for i, cloud := range clouds {
		if cloud.scheme == "gs" {
			testListWhole(t, newServer(t, i))
		}
	}
}

func testListWhole(t *testing.T, srv *server) {
	const objects = 5
	for i := range objects {
		srv.put(t, fmt.Sprintf("models/m%d.onnx", i), []byte("x"))
	}
	s := newStore(t)
	srv.kinds = []string{"dropped", "dropped late", "cut"}
	srv.spoil(0.5)
	for range 40 {
		list, err := s.List(t.Context(), srv.url("models/"))
		if err != nil || len(list) != objects {
			t.Fatalf("%d objects, %v; faults %v", len(list), err, srv.counts)
		}
	}
	if srv.counts["dropped late"] == 0 {
		t.Error("nothing went wrong")
	}
}
