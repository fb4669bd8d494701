package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/guard"
	"github.com/advparams/advparams/internal/wire"
)

// FileState describes a file or an object at one time.
type FileState struct {
	Path   string    `json:"path"`
	Size   int64     `json:"bytes"`
	Time   time.Time `json:"modified"`
	SHA256 string    `json:"sha256,omitempty"`
	ETag   string    `json:"etag,omitempty"` // "" for a file
}

// state returns the state of an object.
func state(o objects.Object) FileState {
	return FileState{Path: o.URL, Size: o.Size, Time: o.Modified, SHA256: o.SHA256, ETag: o.ETag}
}

// Stat returns the state of a file, with its digest.
func Stat(path string) (FileState, error) {
	f, err := guard.Follow(path)
	if err != nil {
		return FileState{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return FileState{}, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return FileState{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return FileState{Path: path, Size: info.Size(), Time: info.ModTime().UTC(), SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// Identify returns the name of this program, at path, for Config.Tool: the version of
// package advparams. Builds from a changed checkout share a version, so a digest of their
// bytes is added.
func Identify(path string) (string, error) {
	b := advparams.Build()
	if b.Version != "(devel)" && !strings.Contains(b.Revision, "modified") {
		return b.Version, nil
	}
	state, err := Stat(path)
	if err != nil {
		return "", err
	}
	return b.Version + " " + state.SHA256[:16], nil
}

// unchanged reports whether the file still is in this state. A file with the same
// size and time of modification is not read. If only the time differs, as after
// copying a folder, the digest decides. Objects are never read.
func (s *FileState) unchanged(ctx context.Context, store objects.Store) bool {
	if objects.IsURL(s.Path) {
		if store == nil {
			return false
		}
		o, err := store.Stat(ctx, s.Path)
		return err == nil && o.Size == s.Size && (o.ETag != "" && o.ETag == s.ETag || o.SHA256 != "" && o.SHA256 == s.SHA256)
	}
	info, err := os.Stat(s.Path)
	if err != nil || info.Size() != s.Size {
		return false
	}
	if info.ModTime().Equal(s.Time) {
		return true
	}
	now, err := Stat(s.Path)
	return err == nil && now.SHA256 == s.SHA256
}

// contents is what jobs share. It remembers digests of inputs such as data sets, so that
// each is read once in a run.
type contents struct {
	cache *cache    // for URLs
	locks sightings // of other runs
	mu    sync.Mutex
	known map[string]func() ([]string, error)
}

// digest returns the digest of a file, or of the names and contents of all files
// below a folder. For objects it takes sizes and ETags in place of contents, which
// would have to be fetched.
func (c *contents) digest(path string) (string, error) {
	sums, err := c.once(path, func() ([]string, error) {
		if !objects.IsURL(path) {
			sum, err := digestTree(path)
			return []string{sum}, err
		}
		s, err := c.cache.set(path)
		if err != nil {
			return nil, err
		}
		return []string{s.version}, nil
	})
	if err != nil {
		return "", err
	}
	return sums[0], nil
}

// samples returns the digest of a data set, and those of the folders that it refers to.
func (c *contents) samples(path string) ([]string, error) {
	return c.once("samples of "+path, func() ([]string, error) {
		paths := []string{path}
		if !objects.IsURL(path) {
			folders, err := dataset.Referred(path)
			if err != nil {
				return nil, err
			}
			paths = append(paths, folders...)
		}
		sums := make([]string, len(paths))
		for i, path := range paths {
			var err error
			if sums[i], err = c.digest(path); err != nil {
				return nil, err
			}
		}
		return sums, nil
	})
}

// once returns what f returned when a name was first asked for.
func (c *contents) once(name string, f func() ([]string, error)) ([]string, error) {
	c.mu.Lock()
	if c.known == nil {
		c.known = map[string]func() ([]string, error){}
	}
	known := c.known[name]
	if known == nil {
		known = sync.OnceValues(f)
		c.known[name] = known
	}
	c.mu.Unlock()
	return known()
}

// digestTree is digest for files.
func digestTree(root string) (string, error) {
	info, err := os.Stat(root)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		s, err := Stat(root)
		return s.SHA256, err
	}
	h := sha256.New()
	// The root may be a symbolic link, which filepath.WalkDir would not follow.
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		path := filepath.Join(root, filepath.FromSlash(name))
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return err
		}
		s, err := Stat(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %s\n", name, s.SHA256)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// sources are the files that a job works on.
type sources struct {
	model  []FileState
	locked []FileState // if the job does not make the locked model itself
}

// fingerprint returns a digest of everything that the result of a step depends on:
// the program, the bytes of model, data and recipients, and the options. Paths,
// threads and limits of the run are left out: moved files are the same work.
func (j *Job) fingerprint(step, tool string, from *sources, c *contents) (string, error) {
	p := &ingredients{contents: c}
	p.add("step", step, tool)
	p.files("model", from.model)
	p.files("locked", from.locked)
	if j.does(wire.StepProtect) {
		// What verify and attack find depends on what protect did.
		p.data("data", j.Data)
		p.typed("options", j.search())
		p.add("seal", fmt.Sprint(j.Seal.Passphrase, j.Seal.Plain))
		p.add("recipients", j.Seal.Recipients...)
		for _, path := range j.Seal.RecipientsFiles {
			p.content("recipients", path)
		}
	}
	switch step {
	case wire.StepVerify:
		p.data("verify", j.verifyData())
		p.add("verify", fmt.Sprint(j.opens(), j.Report != ""))
	case wire.StepAttack:
		p.data("attack", j.attackData())
		p.samples("test", j.testPath())
		p.typed("attack", j.trials())
		p.add("attack", fmt.Sprint(j.Attack.Key))
	}
	if p.err != nil {
		return "", p.err
	}
	text, err := json.Marshal(p.list)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// ingredients is what a fingerprint is made of.
type ingredients struct {
	contents *contents
	list     [][]string // each begins with the kind
	err      error      // the first error
}

func (p *ingredients) add(kind string, values ...string) {
	p.list = append(p.list, append([]string{kind}, values...))
}

func (p *ingredients) files(kind string, files []FileState) {
	for _, f := range files {
		p.add(kind, f.SHA256)
	}
}

// content adds the content of a file or folder.
func (p *ingredients) content(kind, path string) {
	if p.err != nil {
		return
	}
	var sum string
	if sum, p.err = p.contents.digest(path); p.err == nil {
		p.add(kind, sum)
	}
}

// samples adds the content of a data set, with what it refers to.
func (p *ingredients) samples(kind, path string) {
	if p.err != nil {
		return
	}
	var sums []string
	if sums, p.err = p.contents.samples(path); p.err == nil {
		p.add(kind, sums...)
	}
}

// typed adds options, as they go to the child process.
func (p *ingredients) typed(kind string, options any) {
	text, err := json.Marshal(options)
	if p.err == nil {
		p.err = err
	}
	p.add(kind, string(text))
}

// data adds a data set and how its samples are prepared.
func (p *ingredients) data(kind string, d Data) {
	if d.Path != "" {
		p.samples(kind, d.Path)
		d.Path = ""
	}
	p.typed(kind, wire.Data(d))
}
