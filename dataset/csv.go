package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/advparams/advparams/nd"
)

// A CSV file feeds an input [N,F]: one sample per line, F numbers and a label.
// Commas, semicolons and tabs separate; a header line is recognised by text
// where samples have numbers. The label is the column that the header calls
// label, target, class or the like, or else the last one, and there is none
// when all columns are features. Labels that are not integers are class names
// and count in sorted order.

func openCSV(path string, spec Spec) (source, []int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, errors.Unwrap(err)
	}
	defer f.Close()
	return readCSV(f, spec)
}

// table is a CSV file while it is read.
type table struct {
	input    Input
	header   []string // nil when there is none
	label    int      // its column, -1 for none
	features []float32
	lines    []int // of the samples
	classes  []int // of the samples, positions in names
	names    []string
	seen     map[string]int // positions in names
}

func readCSV(file io.Reader, spec Spec) (source, []int, error) {
	in, err := spec.single("tables")
	if err != nil {
		return nil, nil, err
	}
	if in.Shape != nil && len(in.Shape) != 2 || in.DType != 0 && in.DType != nd.Float32 {
		return nil, nil, malformed(useNPZ, "a table feeds a float32 input [N F], but input %q is %s", in.Name, shapeText(in.Shape))
	}
	r := newCSVReader(file)
	first, err := r.Read()
	if err == io.EOF {
		return nil, nil, errors.New("empty file")
	}
	if err != nil {
		return nil, nil, csvError(err)
	}
	line, _ := r.FieldPos(0)
	t := &table{input: in, seen: make(map[string]int)}
	if isHeader(first) {
		t.header = slices.Clone(first)
	}
	if err := t.findLabel(len(first)); err != nil {
		return nil, nil, err
	}
	if t.header == nil {
		if err := t.add(first, line); err != nil {
			return nil, nil, err
		}
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, csvError(err)
		}
		line, _ := r.FieldPos(0)
		if err := t.add(record, line); err != nil {
			return nil, nil, err
		}
	}
	n := len(t.lines)
	if n == 0 {
		return nil, nil, errors.New("no line of samples")
	}
	x := nd.Of(t.features, n, len(t.features)/n)
	src := &arrays{inputs: map[string]nd.Array{in.Name: x}, n: n, line: t.lines, format: fmt.Sprintf("CSV, %d features", x.Shape[1])}
	labels, err := t.labels()
	if numbers := t.numbers(); err != nil && spec.AnyLabels && numbers != nil {
		src.truth = nd.Of(numbers, n)
		return src, nil, nil
	}
	return src, labels, err
}

// newCSVReader skips a byte order mark and takes the separator from the first line.
func newCSVReader(file io.Reader) *csv.Reader {
	buffered := bufio.NewReaderSize(file, 1<<16)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" {
		buffered.Discard(3)
	}
	start, _ := buffered.Peek(1 << 16)
	line, _, _ := bytes.Cut(start, []byte("\n"))
	r := csv.NewReader(buffered)
	r.TrimLeadingSpace = true
	r.ReuseRecord = true
	for _, comma := range ";\t" {
		if bytes.Count(line, []byte(string(comma))) > bytes.Count(line, []byte(string(r.Comma))) {
			r.Comma = comma
		}
	}
	if r.Comma == '\t' {
		r.TrimLeadingSpace = false // it would take an empty cell for space
	}
	return r
}

func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
	}
	return err
}

// isHeader reports whether the first record is one of names: a label column is
// among them, or there is text before the last column, which may be a class.
func isHeader(record []string) bool {
	for i, cell := range record {
		if isLabelName(cell) && len(cell) > 1 { // a y may be the class opposite n
			return true
		}
		if _, err := strconv.ParseFloat(strings.TrimSpace(cell), 64); i < len(record)-1 && errors.Is(err, strconv.ErrSyntax) {
			return true
		}
	}
	return false
}

func isLabelName(cell string) bool {
	return slices.ContainsFunc(labelNames, func(name string) bool { return strings.EqualFold(name, strings.TrimSpace(cell)) })
}

// findLabel settles which of the columns is the label, and whether the rest
// are as many as the input takes.
func (t *table) findLabel(columns int) error {
	want := -1
	if t.input.Shape != nil {
		want = t.input.Shape[1]
	}
	t.label = slices.IndexFunc(t.header, isLabelName)
	features := columns - 1
	switch {
	case t.label >= 0:
	case columns == want:
		features = columns
	default:
		t.label = columns - 1
	}
	if features < 1 || want >= 0 && features != want {
		names := "columns have no names"
		if t.header != nil {
			names = "columns are " + listed(t.header)
		}
		return malformed(names+"; the label is the column called label, target or class, or the last one",
			"%d feature columns, but input %q wants %s", features, t.input.Name, shapeText(t.input.Shape))
	}
	return nil
}

// add takes a line of samples.
func (t *table) add(record []string, line int) error {
	for column, cell := range record {
		cell = strings.TrimSpace(cell)
		if column != t.label {
			v, err := strconv.ParseFloat(cell, 32)
			if err != nil || !finite(float32(v)) {
				return t.cellError(line, column, cell)
			}
			t.features = append(t.features, float32(v))
			continue
		}
		if cell == "" {
			return fmt.Errorf("line %d has no label", line)
		}
		class, ok := t.seen[cell]
		if !ok {
			class = len(t.names)
			cell = strings.Clone(cell) // cells share the memory of their line
			t.names = append(t.names, cell)
			t.seen[cell] = class
		}
		t.classes = append(t.classes, class)
	}
	t.lines = append(t.lines, line)
	return nil
}

func (t *table) cellError(line, column int, cell string) error {
	name := ""
	if t.header != nil {
		name = fmt.Sprintf(" (%s)", t.header[column])
	}
	return malformed("all columns but the label hold numbers; a header line names the label column", "line %d, column %d%s: %q is not a finite number", line, column+1, name, cell)
}

// numbers returns the label column as numbers; nil if it has something else.
func (t *table) numbers() []float32 {
	value := make([]float32, len(t.names)) // of each name
	for i, name := range t.names {
		v, err := strconv.ParseFloat(name, 32)
		if value[i] = float32(v); err != nil || !finite(value[i]) {
			return nil
		}
	}
	out := make([]float32, len(t.classes))
	for i, c := range t.classes {
		out[i] = value[c]
	}
	return out
}

// labels turns the label column into classes: integers are classes themselves,
// other names count in sorted order.
func (t *table) labels() ([]int, error) {
	if t.label < 0 {
		return nil, nil
	}
	class := make([]int, len(t.names)) // of each name
	integers, fractions := 0, ""
	for i, name := range t.names {
		v, err := strconv.ParseFloat(name, 64)
		switch {
		case err != nil || math.IsNaN(v) || math.IsInf(v, 0): // a name
		case v == math.Trunc(v) && math.Abs(v) < 1<<31:
			class[i] = int(v)
			integers++
		default:
			fractions = name
		}
	}
	if fractions != "" {
		return nil, &ClassesError{Text: fractions}
	}
	if integers < len(t.names) {
		sorted := slices.Sorted(slices.Values(t.names))
		for i, name := range t.names {
			class[i], _ = slices.BinarySearch(sorted, name)
		}
	}
	labels := make([]int, len(t.classes))
	for i, c := range t.classes {
		labels[i] = class[c]
	}
	return labels, nil
}
