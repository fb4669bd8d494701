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
	"strconv"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/wire"
)

// Remote reports whether any path of a job is a URL.
func (j *Job) Remote() bool {
	paths := append([]string{j.Model, j.Output, j.Key, j.Report, j.Data.Path, j.Verify.Data.Path, j.Attack.Data.Path, j.Attack.Test.Path},
		j.Seal.RecipientsFiles...)
	for _, p := range paths {
		if objects.IsURL(p) {
			return true
		}
	}
	return false
}

// stage is a folder in which the steps of a job find copies of objects, and leave
// what is to become objects. Each folder in object storage has one folder here, and
// files keep their names. Models refer to their external data by name.
type stage struct {
	job     *Job
	store   objects.Store
	root    string
	folders map[string]string         // local folders by URL
	copies  map[string]objects.Object // objects that have been copied, by URL
	names   wire.Names                // URLs by local path
}

func newStage(j *Job, store objects.Store, root string) *stage {
	return &stage{job: j, store: store, root: root, folders: map[string]string{}, copies: map[string]objects.Object{}}
}

// path returns the path of the copy of an object; for a file that is its own path.
// Whatever lies below the folder of a model, such as external data, is staged below
// the same folder.
func (s *stage) path(p string) string {
	if !objects.IsURL(p) {
		return p
	}
	folder := objects.Dir(p)
	best := -1
	for _, model := range []string{s.job.Model, s.job.Output} {
		if dir := dirOf(model); len(dir) > best {
			if _, ok := objects.Rel(dir, p); ok {
				folder, best = dir, len(dir)
			}
		}
	}
	local := s.folders[folder]
	if local == "" {
		local = filepath.Join(s.root, strconv.Itoa(len(s.folders)))
		s.folders[folder] = local
		s.names = append(s.names, wire.Name{Path: local, Name: folder})
	}
	rel, _ := objects.Rel(folder, p)
	return filepath.Join(local, filepath.FromSlash(rel))
}

// fetch copies an object unless that has been done.
func (s *stage) fetch(ctx context.Context, url string) (objects.Object, error) {
	if o, ok := s.copies[url]; ok {
		return o, nil
	}
	if s.store == nil {
		return objects.Object{}, errNoStore(url)
	}
	path := s.path(url)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return objects.Object{}, err
	}
	o, err := s.store.Get(ctx, url, path)
	if err == nil {
		s.copies[url] = o
	}
	return o, err
}

// fetchAll copies the objects among some files, and makes sure that they have not
// changed.
func (s *stage) fetchAll(ctx context.Context, files []FileState) error {
	for _, f := range files {
		if !objects.IsURL(f.Path) {
			continue
		}
		o, err := s.fetch(ctx, f.Path)
		if err != nil {
			return err
		}
		if f.SHA256 != "" && o.SHA256 != f.SHA256 {
			return fmt.Errorf("%s changed while it was worked on", f.Path)
		}
	}
	return nil
}

// publish uploads an output that belongs in object storage, and returns its state.
// With fresh, the object must not exist. An output that is a file needs no upload.
func (s *stage) publish(ctx context.Context, path string, fresh bool) (FileState, error) {
	if !objects.IsURL(path) {
		return Stat(path)
	}
	o, err := s.store.Put(ctx, path, s.path(path), fresh)
	if err == nil {
		s.copies[path] = o
	}
	return state(o), err
}

// folder returns the folder for the temporary files of a job. It lies beside the
// outputs, or in the scratch folder of the run if the job has objects to copy.
func (w *worker) folder() (string, error) {
	j := w.job
	if !j.Remote() {
		return filepath.Abs(j.state(".tmp"))
	}
	if w.cfg.Scratch == "" {
		return "", errors.New("there is no folder for copies of what is in object storage")
	}
	sum := sha256.Sum256([]byte(absolute(j.Output)))
	return filepath.Join(w.cfg.Scratch, "jobs", hex.EncodeToString(sum[:8])), nil
}

// fetchModel copies a model and the external data it names. It reports whether that
// succeeded. If not, the reason is in the result, or is the error.
func (w *worker) fetchModel(ctx context.Context, url string) (bool, error) {
	if !objects.IsURL(url) {
		return true, nil
	}
	if _, err := w.stage.fetch(ctx, url); err != nil {
		return false, err
	}
	o, err := w.run(ctx, &wire.Request{Inputs: &wire.Inputs{Model: w.stage.path(url), NamesOnly: true}})
	if err != nil {
		return false, err
	}
	if o.err != nil {
		w.fail(o.status, o.err)
		return false, nil
	}
	for _, name := range o.response.External {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return false, fmt.Errorf("%s: external data %q leads out of its folder", url, name)
		}
		if _, err := w.stage.fetch(ctx, objects.Join(objects.Dir(url), name)); err != nil {
			return false, fmt.Errorf("external data of %s: %w", url, err)
		}
	}
	return true, nil
}

// origin returns the state of the object that a file is a copy of.
func (s *stage) origin(model string, f FileState) FileState {
	if !objects.IsURL(model) {
		return f
	}
	rel, err := filepath.Rel(filepath.Dir(s.path(model)), f.Path)
	if err != nil {
		return f
	}
	o := s.copies[objects.Join(objects.Dir(model), filepath.ToSlash(rel))]
	o.SHA256 = f.SHA256
	return state(o)
}

// bring copies everything that a step reads. It returns the job with the paths of
// the copies, and a function to call when the step is done.
func (w *worker) bring(ctx context.Context, step string, from *sources) (*Job, func(), error) {
	j, l := w.job, *w.job
	if !j.Remote() {
		return j, func() {}, nil
	}
	if err := w.stage.fetchAll(ctx, from.model); err != nil {
		return nil, nil, err
	}
	if step != wire.StepProtect {
		outputs := from.locked
		if p := w.record.Steps[wire.StepProtect]; p != nil && j.does(wire.StepProtect) {
			outputs = p.Outputs
		}
		if err := w.stage.fetchAll(ctx, outputs); err != nil {
			return nil, nil, err
		}
		if objects.IsURL(j.Key) && j.opens() {
			if _, err := w.stage.fetch(ctx, j.Key); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, p := range []*string{&l.Model, &l.Output, &l.Key, &l.Report} {
		if *p != "" {
			*p = w.stage.path(*p)
		}
	}
	for _, p := range []string{l.state(""), l.Key, l.Report} {
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			return nil, nil, err
		}
	}
	release, err := w.bringData(ctx, step, &l)
	return &l, release, err
}

// bringData takes the data sets of a step from the cache, and sets the paths in l to
// those of the copies.
func (w *worker) bringData(ctx context.Context, step string, l *Job) (func(), error) {
	j := w.job
	var paths []*string
	switch step {
	case wire.StepProtect:
		l.Seal.RecipientsFiles = each(j.Seal.RecipientsFiles, func(p string) string { return p })
		for i := range l.Seal.RecipientsFiles {
			paths = append(paths, &l.Seal.RecipientsFiles[i])
		}
	case wire.StepVerify:
		l.Verify.Data.Path = j.verifyData().Path
		paths = append(paths, &l.Verify.Data.Path)
	case wire.StepAttack:
		l.Attack.Data.Path, l.Attack.Test.Path = j.attackData().Path, j.testPath()
		paths = append(paths, &l.Attack.Data.Path, &l.Attack.Test.Path)
	}
	if step == wire.StepProtect {
		paths = append(paths, &l.Data.Path)
	}
	var urls []string
	for _, p := range paths {
		if objects.IsURL(*p) {
			urls = append(urls, *p)
		}
	}
	if len(urls) == 0 {
		return func() {}, nil
	}
	local, release, err := w.shared.cache.take(ctx, urls...)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		if there := local[*p]; there != "" {
			w.stage.names = append(w.stage.names, wire.Name{Path: there, Name: *p})
			*p = there
		}
	}
	return release, nil
}

// removeNotes removes the notes of attacks, which are kept beside the record.
func (w *worker) removeNotes(ctx context.Context) error {
	path := w.job.notes()
	if objects.IsURL(path) {
		return w.cfg.Store.Delete(ctx, path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// fetchNotes copies the notes of attacks, if there are any, to where the step looks
// for them.
func (w *worker) fetchNotes(ctx context.Context, local *Job) error {
	url := w.job.notes()
	if !objects.IsURL(url) {
		return nil
	}
	if _, err := w.cfg.Store.Get(ctx, url, local.notes()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// keepNotes uploads the notes of attacks, including those of a step that was told
// to stop.
func (w *worker) keepNotes(ctx context.Context, local *Job) {
	url := w.job.notes()
	if _, err := os.Stat(local.notes()); err != nil || !objects.IsURL(url) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	// If this fails, the attacks are repeated.
	_, _ = w.cfg.Store.Put(ctx, url, local.notes(), false)
}
