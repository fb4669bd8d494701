package onnxio

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// An Edit gives one element of a tensor a new value.
type Edit struct {
	Tensor string // as Model.Weight takes it
	Index  int
	Bits   uint64 // as Initializer.Bits returns them
}

// Editable returns nil if Rewrite can change elements of the tensor, or the
// reason why it cannot.
func (t *Initializer) Editable() error {
	reason := ""
	switch {
	case t.elem.kind == kindString || t.elem.kind == kindComplex || t.elem.kind == kindBool:
		reason = fmt.Sprintf("%v elements cannot be edited", t.DataType)
	case !t.patchable() && !t.nibbles():
		reason = fmt.Sprintf("elements in %v have no fixed width", t.Storage)
	case t.shared != "":
		reason = fmt.Sprintf("its bytes are also used by %s", t.shared)
	default:
		return nil
	}
	return fmt.Errorf("%s: %s: %s", t.model.path, t.label(), reason)
}

// Rewrite writes to dst a model that differs from m in the given elements only,
// and returns what Restore needs to undo it. The files belong to out and appear
// when it is committed.
//
// External data goes where dst will look for it. In another folder than m's, all
// data files are written beside dst under their own names. In m's folder, data
// files without edits stay shared; those with edits are copied, named after dst,
// and the model's references to them are renamed. If dst is m's own file, which
// out must allow to be replaced, the edited files keep their names and are
// replaced with it.
//
// Everything that was written is read again and compared with the original, the
// record applied: when Rewrite succeeds, Restore will.
func (m *Model) Rewrite(out *atomicfile.Set, dst string, edits []Edit) (_ *Record, err error) {
	defer Faults(&err)()
	if err := m.checkDataNames(); err != nil {
		return nil, err
	}
	patches, todo, err := m.plan(edits)
	if err != nil {
		return nil, err
	}
	changed := make([]bool, len(todo))
	for i := range todo {
		changed[i] = !todo[i].none()
	}
	layout, err := m.layout(dst, changed)
	if err != nil {
		return nil, err
	}
	renames, sums, err := m.refer(layout, changed)
	if err != nil {
		return nil, err
	}
	rec := &Record{Patches: patches}
	moved := shiftBy(renames)
	for i := range rec.Patches {
		if p := &rec.Patches[i]; p.File == 0 {
			p.Offset = moved.to(p.Offset)
		}
	}
	for _, p := range renames {
		rec.Splices = append(rec.Splices, Splice{
			Offset:   moved.to(p.at),
			Length:   int64(len(p.data)),
			Original: slices.Clone(m.files[0].data[p.at:p.end()]),
		})
	}
	todo[0].splices = renames
	for i, f := range m.files {
		size := f.Size
		for _, p := range todo[i].splices {
			size += p.grows()
		}
		rec.Files = append(rec.Files, FileRecord{Name: f.Name, LockedName: layout[i].name, Size: f.Size, LockedSize: size})
	}
	back := changesByFile(len(rec.Files), rec.Patches, rec.Splices)
	// The model is created before its data (atomicfile.Set), and written after it.
	files := make([]*atomicfile.File, len(m.files))
	for i, p := range layout {
		switch {
		case p.path == "":
			m.share(&rec.Files[i], i)
		case i == 0:
			files[i], err = out.CreateLike(p.path, m.files[0].info)
		default:
			files[i], err = out.CreateBelow(filepath.Dir(dst), p.name, m.files[i].info.Mode().Perm())
		}
		if err != nil {
			return nil, err
		}
	}
	for i := len(files) - 1; i >= 0; i-- {
		if files[i] == nil {
			continue
		}
		if err := m.write(files[i], &rec.Files[i], i, &todo[i], &back[i]); err != nil {
			return nil, err
		}
		if err := m.renew(sums, i, files[i], rec.Files[i].LockedSize); err != nil {
			return nil, err
		}
		if err := files[i].Close(); err != nil {
			return nil, err
		}
	}
	if err := rec.check(); err != nil {
		return nil, err
	}
	return rec, nil
}

// plan turns edits into patches that undo them, and into what is to be done to each
// file. All offsets are those in the original.
func (m *Model) plan(edits []Edit) ([]TensorPatch, []changes, error) {
	byTensor := map[string][]Edit{}
	names := map[*Initializer]string{}
	for _, e := range edits {
		t := m.Weight(e.Tensor)
		if t == nil {
			return nil, nil, fmt.Errorf("%s has no tensor %q", m.path, e.Tensor)
		}
		if name, ok := names[t]; ok && name != e.Tensor {
			return nil, nil, fmt.Errorf("%s: %q and %q are the same tensor", m.path, name, e.Tensor)
		}
		names[t] = e.Tensor
		byTensor[e.Tensor] = append(byTensor[e.Tensor], e)
	}
	var patches []TensorPatch
	todo := make([]changes, len(m.files))
	for _, t := range m.tensors { // file order, so that equal edits give equal records
		name := names[t]
		edits := byTensor[name]
		if name == "" || len(edits) == 0 {
			continue
		}
		if err := t.checkEdits(edits); err != nil {
			return nil, nil, err
		}
		if t.elem.packed() {
			undo, do := t.packedPatches(name, edits)
			patches = append(patches, undo)
			todo[do.File].patches = append(todo[do.File].patches, do)
			continue
		}
		for len(edits) > 0 {
			r := t.runAt(edits[0].Index)
			n := 1
			for n < len(edits) && t.runAt(edits[n].Index).first == r.first {
				n++
			}
			undo, do := t.patches(name, r, edits[:n])
			patches = append(patches, undo...)
			todo[r.file].patches = append(todo[r.file].patches, do)
			edits = edits[n:]
		}
	}
	return patches, todo, nil
}

// patches returns the patches that undo edits of one run, and the one that does them.
func (t *Initializer) patches(name string, r run, edits []Edit) (undo []TensorPatch, do *TensorPatch) {
	width := t.elem.bits / 8
	back := TensorPatch{Tensor: name, File: r.file, Offset: int64(r.offset), Stride: r.stride, Width: width}
	do = &TensorPatch{Offset: back.Offset, Stride: back.Stride, Width: width}
	flips := make([]uint64, len(edits))
	for i, e := range edits {
		old := t.Bits(e.Index)
		flips[i] = old ^ e.Bits
		back.Indices.Append(int64(e.Index - r.first))
		back.Original = append(back.Original, elementBytes(old, width)...)
		do.Original = append(do.Original, elementBytes(e.Bits, width)...)
	}
	do.Indices = back.Indices
	return back.shorten(flips), do
}

// nibbles reports whether elements share bytes that lie in one piece.
func (t *Initializer) nibbles() bool {
	return t.elem.packed() && t.n > 0 && (t.Storage == Raw || t.Storage == External)
}

// packedPatches is patches for elements that share bytes. Its patches are of bytes.
func (t *Initializer) packedPatches(name string, edits []Edit) (undo TensorPatch, do *TensorPatch) {
	r := t.runs[0]
	data := t.model.files[r.file].data[r.offset:]
	undo = TensorPatch{Tensor: name, File: r.file, Offset: int64(r.offset), Stride: 1, Width: 1}
	do = &TensorPatch{File: r.file, Offset: undo.Offset, Stride: 1, Width: 1}
	perByte, mask := 8/t.elem.bits, byte(1)<<t.elem.bits-1
	for len(edits) > 0 {
		at := edits[0].Index / perByte
		changed := data[at]
		for len(edits) > 0 && edits[0].Index/perByte == at {
			shift := edits[0].Index % perByte * t.elem.bits
			changed = changed&^(mask<<shift) | byte(edits[0].Bits)<<shift
			edits = edits[1:]
		}
		undo.Indices.Append(int64(at))
		undo.Original = append(undo.Original, data[at])
		do.Original = append(do.Original, changed)
	}
	do.Indices = undo.Indices
	return undo, do
}

// checkEdits sorts the edits of one tensor and refuses impossible ones.
func (t *Initializer) checkEdits(edits []Edit) error {
	if err := t.Editable(); err != nil {
		return err
	}
	slices.SortFunc(edits, func(a, b Edit) int { return cmp.Compare(a.Index, b.Index) })
	for i, e := range edits {
		switch {
		case e.Index < 0 || e.Index >= t.n:
			return fmt.Errorf("%s: %s has no element %d, only %d elements", t.model.path, t.label(), e.Index, t.n)
		case i > 0 && edits[i-1].Index == e.Index:
			return fmt.Errorf("%s: element %d of %s is edited twice", t.model.path, e.Index, t.label())
		case e.Bits>>(t.elem.bits-1)>>1 != 0:
			return fmt.Errorf("%s: element %d of %s: %#x does not fit %v", t.model.path, e.Index, t.label(), e.Bits, t.DataType)
		}
	}
	return nil
}

// share records a data file that the new model uses as it is.
func (m *Model) share(f *FileRecord, i int) {
	h := sha256.New()
	for part := range slices.Chunk(m.files[i].data, bufferSize) {
		h.Write(part)
		release(part)
	}
	h.Sum(f.SHA256[:0])
	f.LockedSHA256 = f.SHA256
}

// write copies file i of the model to f with the changes made, and records the digests.
// back are the changes that undo them.
func (m *Model) write(f *atomicfile.File, rec *FileRecord, i int, do, back *changes) error {
	src, err := m.reopen(i)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := splice(f, src, m.files[i].Size, do.pieces()); err != nil {
		return fmt.Errorf("copying %s to %s: %w", m.files[i].Path, f.Path(), err)
	}
	return m.confirm(rec, i, f, back)
}

// reopen opens a file of the model again and makes sure that it is the one that
// is mapped.
func (m *Model) reopen(i int) (*os.File, error) {
	old := m.files[i]
	var f *os.File
	var err error
	if i == 0 {
		f, _, err = openRegular(m.path)
	} else {
		var root *os.Root
		if root, err = os.OpenRoot(filepath.Dir(m.path)); err != nil {
			return nil, err
		}
		defer root.Close()
		f, err = openConfined(root, old.Name)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && os.SameFile(info, old.info) && info.Size() == old.Size && info.ModTime().Equal(old.info.ModTime()) {
		return f, nil
	}
	f.Close()
	if err != nil {
		return nil, err
	}
	return nil, errChanged(old.Path)
}

func errChanged(path string) error {
	return &PathError{Path: path, Problem: "has changed since it was opened", Advice: "try again when nothing else writes to it"}
}

// confirm reads a written file twice: as it is, for its own digest, and with the
// changes undone, which must give the original.
func (m *Model) confirm(f *FileRecord, i int, written *atomicfile.File, back *changes) error {
	var g errgroup.Group
	g.Go(func() (err error) {
		f.LockedSHA256, err = digest(written.File, f.LockedSize)
		return err
	})
	g.Go(func() (err error) {
		defer Faults(&err)()
		h := sha256.New()
		original := &comparer{want: m.files[i].data}
		err = splice(io.MultiWriter(h, original), written.File, f.LockedSize, back.pieces())
		if original.differs || err == nil && len(original.want) > 0 {
			return errChanged(m.files[i].Path)
		}
		h.Sum(f.SHA256[:0])
		return err
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("checking %s: %w", written.Path(), err)
	}
	return nil
}

// comparer compares what is written to it with want.
type comparer struct {
	want    []byte // what is still to come
	differs bool
}

func (c *comparer) Write(p []byte) (int, error) {
	if len(p) > len(c.want) || !bytes.Equal(p, c.want[:len(p)]) {
		c.differs = true
		return 0, errors.New("not the original")
	}
	release(c.want[:len(p)])
	c.want = c.want[len(p):]
	return len(p), nil
}
