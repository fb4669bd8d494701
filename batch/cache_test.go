package batch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/advparams/advparams/batch/objects"
)

// slowStore has objects that take a while to get.
type slowStore struct {
	objects.Store
	list    []objects.Object
	getting atomic.Int32
}

func (s *slowStore) Stat(context.Context, string) (objects.Object, error) {
	return objects.Object{}, os.ErrNotExist
}

func (s *slowStore) List(context.Context, string) ([]objects.Object, error) { return s.list, nil }

func (s *slowStore) Get(_ context.Context, url, file string) (objects.Object, error) {
	s.getting.Add(1)
	defer s.getting.Add(-1)
	err := os.WriteFile(file, []byte("x"), 0o600)
	time.Sleep(50 * time.Millisecond)
	return objects.Object{URL: url, Size: 1}, err
}

// TestCacheWaits: an error, here of names that a folder cannot have both, is returned only when
// nothing is being copied any more.
func TestCacheWaits(t *testing.T) {
	s := &slowStore{}
	for i := range fetches + 1 { // one has to wait until others are done
		s.list = append(s.list, objects.Object{URL: fmt.Sprintf("s3://zoo/set/%d", i), Size: 1})
	}
	s.list = append(s.list, objects.Object{URL: "s3://zoo/set/0/below", Size: 1})
	folder := filepath.Join(t.TempDir(), "data")
	c := newCache(t.Context(), s, folder, 0)
	if _, _, err := c.take(t.Context(), "s3://zoo/set"); err == nil {
		t.Error("both names were copied")
	}
	if n := s.getting.Load(); n > 0 {
		t.Errorf("%d objects are still being copied", n)
	}
	if left, err := os.ReadDir(folder); err == nil && len(left) > 0 {
		t.Errorf("left in the cache: %v", left)
	}
}
