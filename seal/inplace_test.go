package seal

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// disk is files in memory that lose power: after some operations everything fails, the
// write that was going on is done by half, and of writes since the last Sync any part
// may be lost.
type disk struct {
	left int // operations
	r    *rand.Rand
}

var errPower = errors.New("no power")

func (d *disk) ok() bool {
	d.left--
	return d.left >= 0
}

type diskFile struct {
	*disk
	synced, data []byte
}

func (f *diskFile) ReadAt(b []byte, at int64) (int, error) {
	if !f.ok() {
		return 0, errPower
	}
	return bytes.NewReader(f.data).ReadAt(b, at)
}

func (f *diskFile) WriteAt(b []byte, at int64) (int, error) {
	if f.left < 0 {
		return 0, errPower
	}
	n := len(b)
	if !f.ok() {
		n = f.r.IntN(n + 1)
	}
	if need := int(at) + n; need > len(f.data) {
		f.data = append(f.data, make([]byte, need-len(f.data))...)
	}
	copy(f.data[at:], b[:n])
	if n < len(b) || f.left < 0 {
		return n, errPower
	}
	return n, nil
}

func (f *diskFile) Sync() error {
	if !f.ok() {
		return errPower
	}
	f.synced = bytes.Clone(f.data)
	return nil
}

// fail is what is left after the power was gone: sectors are old or new, in any mixture.
func (f *diskFile) fail() {
	for at := 0; at < len(f.data); at += 512 {
		end := min(at+512, len(f.data))
		if f.r.IntN(2) == 0 {
			if at < len(f.synced) {
				copy(f.data[at:end], f.synced[at:])
			} else {
				clear(f.data[at:end])
			}
		}
	}
	f.synced = bytes.Clone(f.data)
}

// Whatever the moment at which the power fails, several times in a row, resuming ends
// with what an undisturbed run gives.
func TestInPlaceSurvives(t *testing.T) {
	defer func(at, room int64) { recordAt, recordRoom = at, room }(recordAt, recordRoom)
	recordAt, recordRoom = 4096, 1<<17
	first, ranges1 := someFile(t, 900, 5, 12_000, 4_096, 300, 200)
	second, ranges2 := someFile(t, 100, 9_000)
	key := testKey(t, 21)
	run := func(data []byte, ranges []Range) []byte {
		var b bytes.Buffer
		if err := key.Seal(t.Context(), &b, bytes.NewReader(data), int64(len(data)), ranges, 1); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	sealed := [][]byte{run(first, ranges1), run(second, ranges2)}
	original := [][]byte{first, second}
	state := []byte("the key and so on")
	for _, unseal := range []bool{false, true} {
		from, to := original, sealed
		if unseal {
			from, to = sealed, original
		}
		for seed := range uint64(60) {
			d := &disk{r: rand.New(rand.NewPCG(seed, 1))}
			journal := &diskFile{disk: d}
			files := []*diskFile{{d, bytes.Clone(from[0]), bytes.Clone(from[0])}, {d, bytes.Clone(from[1]), bytes.Clone(from[1])}}
			p := InPlace{Key: key, Files: []File{files[0], files[1]}, Sizes: []int64{int64(len(first)), int64(len(second))},
				Ranges: [][]Range{ranges1, ranges2}, Unseal: unseal, Workers: 1, limit: 8 * BlockLen}
			d.left = d.r.IntN(45)
			err := p.Start(t.Context(), journal, state)
			failures := 0
			for ; err != nil; failures++ {
				if !errors.Is(err, errPower) {
					t.Fatal(err)
				}
				for _, f := range []*diskFile{journal, files[0], files[1]} {
					f.fail()
				}
				d.left = d.r.IntN(45) + 3*failures
				if _, _, e := ReadJournal(journal); errors.Is(e, ErrJournal) { // never really started
					for i, f := range files {
						if !bytes.Equal(f.data, from[i]) {
							t.Fatal("a file was changed before the journal was complete")
						}
					}
					journal.data, journal.synced = nil, nil
					err = p.Start(t.Context(), journal, state)
				} else {
					err = p.Resume(t.Context(), journal)
				}
			}
			for i, f := range files {
				if !bytes.Equal(f.synced, to[i]) {
					t.Fatalf("seed %d, unseal %v, %d failures: file %d is neither", seed, unseal, failures, i)
				}
			}
			d.left = 100
			if got, u, err := ReadJournal(journal); err != nil || !bytes.Equal(got, state) || u != unseal {
				t.Fatalf("the journal says %q, %v, %v", got, u, err)
			}
		}
	}
}

func memory(b []byte) *diskFile {
	return &diskFile{&disk{left: 1 << 30, r: rand.New(rand.NewPCG(1, 1))}, bytes.Clone(b), bytes.Clone(b)}
}

func TestInPlaceRefuses(t *testing.T) {
	defer func(at, room int64) { recordAt, recordRoom = at, room }(recordAt, recordRoom)
	recordAt, recordRoom = 4096, 1<<17
	data, ranges := someFile(t, 900, 50)
	p := InPlace{Key: testKey(t, 1), Files: []File{memory(data)}, Sizes: []int64{int64(len(data))}, Ranges: [][]Range{ranges}}
	journal := memory(nil)
	if err := p.Resume(t.Context(), journal); !errors.Is(err, ErrJournal) {
		t.Errorf("an empty journal: %v", err)
	}
	if err := p.Start(t.Context(), journal, make([]byte, recordAt)); err == nil {
		t.Error("a state that is too long was accepted")
	}
	if err := p.Start(t.Context(), journal, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context(), journal, nil); !errors.Is(err, ErrStarted) {
		t.Errorf("started twice: %v", err)
	}
	other := p
	other.Unseal = true
	if err := other.Resume(t.Context(), journal); !errors.Is(err, ErrJournal) {
		t.Errorf("the other direction: %v", err)
	}
	for at := range slices.Values([]int{0, len(journalMagic), len(journalMagic) + 5}) {
		damaged := memory(journal.data)
		damaged.data[at] ^= 1
		if _, _, err := ReadJournal(damaged); !errors.Is(err, ErrJournal) {
			t.Errorf("damage at %d: %v", at, err)
		}
	}
	short := p
	short.Sizes = []int64{int64(len(data)) + 1}
	short.Ranges = [][]Range{{{Offset: int64(len(data)) - 3, Length: 4, Tensor: Tensor{Kind: Float32, Count: 1}}}}
	if err := short.Start(t.Context(), memory(nil), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that is too short: %v", err)
	}
	short.Sizes = nil
	if err := short.Start(t.Context(), memory(nil), nil); !errors.Is(err, ErrRanges) {
		t.Errorf("no sizes: %v", err)
	}
}
