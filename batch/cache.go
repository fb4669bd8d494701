package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/guard"
)

// cache keeps copies of objects that models share: data sets and files with
// recipients. Each set is fetched once. When others need the room, sets that nobody
// uses are removed, the least recently used first.
type cache struct {
	ctx    context.Context // of the run
	store  objects.Store
	folder string
	limit  int64

	mu    sync.Mutex
	freed *sync.Cond // signals that a set was given back
	sets  map[string]*sharedSet
}

// sharedSet is one object, or all objects below a folder.
type sharedSet struct {
	url     string
	version string // a digest that changes with the content
	objects []objects.Object
	single  bool   // one object, not a folder
	size    int64  // in bytes
	path    string // of the copy

	fetching sync.Mutex
	whole    bool      // the copy is complete
	users    int       // steps that use it now
	used     time.Time // when the last of them was done
}

// fetches is the number of objects that are fetched at a time.
const fetches = 16

func newCache(ctx context.Context, store objects.Store, folder string, limit Size) *cache {
	c := &cache{ctx: ctx, store: store, folder: folder, limit: int64(limit), sets: map[string]*sharedSet{}}
	c.freed = sync.NewCond(&c.mu)
	return c
}

// set returns the set at a URL. Each URL is looked up once in a run.
func (c *cache) set(url string) (*sharedSet, error) {
	c.mu.Lock()
	s := c.sets[url]
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := c.find(url)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.sets[url]; first != nil {
		return first, nil
	}
	c.sets[url] = s
	return s, nil
}

// find looks up the set at a URL.
func (c *cache) find(url string) (*sharedSet, error) {
	if c.store == nil {
		return nil, errNoStore(url)
	}
	s := &sharedSet{url: url}
	o, err := c.store.Stat(c.ctx, url)
	switch {
	case err == nil:
		s.objects, s.single = []objects.Object{o}, true
	case errors.Is(err, fs.ErrNotExist):
		list, err := c.store.List(c.ctx, url+"/")
		if err != nil {
			return nil, err
		}
		// Some tools make empty objects that stand for folders.
		s.objects = slices.DeleteFunc(list, func(o objects.Object) bool { return strings.HasSuffix(o.URL, "/") })
		if len(s.objects) == 0 {
			return nil, advise(fmt.Errorf("%s: %w", url, fs.ErrNotExist), "there is neither an object of this name nor any below it")
		}
	default:
		return nil, err
	}
	h := sha256.New()
	for _, o := range s.objects {
		name := objects.Base(o.URL)
		if !s.single {
			name, _ = objects.Rel(url, o.URL)
		}
		if err := objects.Check(o.URL); err != nil || !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("%s cannot be copied: its name is not that of a file", o.URL)
		}
		fmt.Fprintf(h, "%q %d %q\n", name, o.Size, o.ETag)
		s.size += o.Size
	}
	s.version = hex.EncodeToString(h.Sum(nil))
	sum := sha256.Sum256([]byte(url + "\n" + s.version))
	s.path = filepath.Join(c.folder, hex.EncodeToString(sum[:12]), objects.Base(url))
	return s, nil
}

// take returns the paths of the copies of sets, by URL, and a function that gives
// the sets back. A step has to take all its sets in one call: two steps that each
// hold a set and wait for another could wait forever.
func (c *cache) take(ctx context.Context, urls ...string) (map[string]string, func(), error) {
	paths := map[string]string{}
	var taken []*sharedSet
	release := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range taken {
			s.users--
			s.used = time.Now()
		}
		c.freed.Broadcast()
	}
	for _, url := range urls {
		s, err := c.set(url)
		if err != nil {
			return nil, nil, err
		}
		if paths[url] == "" {
			taken = append(taken, s)
		}
		paths[url] = s.path
	}
	if err := c.makeRoom(ctx, taken); err != nil {
		return nil, nil, err
	}
	for _, s := range taken {
		if err := c.fetch(ctx, s); err != nil {
			release()
			return nil, nil, err
		}
	}
	return paths, release, nil
}

// makeRoom waits until sets fit into the cache, and counts the caller as a user.
func (c *cache) makeRoom(ctx context.Context, wanted []*sharedSet) error {
	var need int64
	for _, s := range wanted {
		need += s.size
	}
	if c.limit > 0 && need > c.limit {
		return &CacheSizeError{URL: wanted[0].url, Need: Size(need), Limit: Size(c.limit)}
	}
	stop := context.AfterFunc(ctx, c.freed.Broadcast)
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var total int64
		var idle []*sharedSet
		for _, s := range c.sets {
			switch {
			case slices.Contains(wanted, s):
			case s.users > 0:
				total += s.size
			case s.whole:
				total += s.size
				idle = append(idle, s)
			}
		}
		slices.SortFunc(idle, func(a, b *sharedSet) int { return a.used.Compare(b.used) })
		for c.limit > 0 && total+need > c.limit && len(idle) > 0 {
			if err := os.RemoveAll(filepath.Dir(idle[0].path)); err != nil {
				return err
			}
			idle[0].whole = false
			total -= idle[0].size
			idle = idle[1:]
		}
		if c.limit <= 0 || total+need <= c.limit {
			for _, s := range wanted {
				s.users++
			}
			return nil
		}
		c.freed.Wait()
	}
}

// fetch copies a set unless that has been done.
func (c *cache) fetch(ctx context.Context, s *sharedSet) error {
	s.fetching.Lock()
	defer s.fetching.Unlock()
	if s.whole {
		return nil
	}
	final := filepath.Dir(s.path)
	if _, err := os.Stat(s.path); err == nil { // copied by an earlier run
		c.mu.Lock()
		s.whole = true
		c.mu.Unlock()
		return nil
	}
	temp := final + ".tmp"
	if err := errors.Join(os.RemoveAll(temp), os.MkdirAll(temp, 0o700)); err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetches)
	for _, o := range s.objects {
		file := filepath.Join(temp, objects.Base(s.url))
		if !s.single {
			name, _ := objects.Rel(s.url, o.URL)
			file = filepath.Join(file, filepath.FromSlash(name))
		}
		g.Go(func() error {
			// Storage may have a and a/b, of which a folder takes one. The error has to come from
			// here: whoever returned it above would not wait for the others, which then
			// write into a folder that was removed.
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return err
			}
			now, err := c.store.Get(ctx, o.URL, file)
			if err == nil && (now.Size != o.Size || s.single && now.ETag != o.ETag) {
				err = fmt.Errorf("%s was replaced during the run", o.URL)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := os.Rename(temp, final); err != nil {
		return err
	}
	c.mu.Lock()
	s.whole = true
	c.mu.Unlock()
	return nil
}

// Scratch is a folder for copies of objects. One run has it at a time.
type Scratch struct {
	Path string
	lock *lock
}

// OpenScratch takes the first numbered folder below folder that no other run has.
// Of what an earlier run left there, copies of data sets stay. folder is made if it is
// missing. It must not be a symbolic link, or a folder that others own or may write to.
func OpenScratch(folder string) (*Scratch, error) {
	folder = filepath.Clean(folder)
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return nil, err
	}
	parent, err := os.OpenRoot(filepath.Dir(folder))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	// Copies of models and of data that steps rely on lie here. The folder may be in
	// one that everybody can write to, so it may be anybody's.
	root, err := guard.Owned(parent, filepath.Base(folder))
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		name := fmt.Sprint(n)
		l, err := acquire(root, name+".lock", nil)
		if _, held := errors.AsType[*heldError](err); held && n < 1000 {
			continue
		}
		if err != nil {
			root.Close()
			return nil, err
		}
		s := &Scratch{filepath.Join(folder, name), l}
		mine, err := guard.Private(root, name)
		if err == nil {
			mine.Close()
			err = errors.Join(os.RemoveAll(s.jobs()), os.MkdirAll(s.jobs(), 0o700), os.MkdirAll(s.data(), 0o700), s.tidy())
		}
		if err != nil {
			l.release()
			root.Close()
			return nil, err
		}
		return s, nil
	}
}

func (s *Scratch) jobs() string { return filepath.Join(s.Path, "jobs") }
func (s *Scratch) data() string { return filepath.Join(s.Path, "data") }

// keepFor is how long copies of data sets are kept after they were made.
const keepFor = 7 * 24 * time.Hour

// tidy removes copies that are incomplete or old.
func (s *Scratch) tidy() error {
	list, err := os.ReadDir(s.data())
	for _, e := range list {
		info, infoErr := e.Info()
		if filepath.Ext(e.Name()) == ".tmp" || infoErr == nil && time.Since(info.ModTime()) > keepFor {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.data(), e.Name())))
		}
	}
	return err
}

// Close removes copies of models and lets other runs have the folder.
func (s *Scratch) Close() error {
	err := os.RemoveAll(s.jobs())
	s.lock.release()
	s.lock.folder.Close()
	return err
}
