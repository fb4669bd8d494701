package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxSettings bounds a file with settings or names of classes, in bytes.
const maxSettings = 4 << 20

// ReadPreprocess reads a YAML file with the fields of Preprocess, named as in its tags.
// preset names the one that they change. Classes may be a list, or the name of a file for
// ReadClasses, relative to the folder of path.
func ReadPreprocess(path string) (Preprocess, error) {
	text, err := readSmall(path)
	if err != nil {
		return Preprocess{}, err
	}
	p, err := parsePreprocess(text, filepath.Dir(path))
	if err != nil {
		return Preprocess{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func parsePreprocess(text []byte, folder string) (Preprocess, error) {
	var file struct {
		Preset     string `yaml:"preset"`
		Preprocess `yaml:",inline"`
		Classes    yaml.Node `yaml:"classes"`
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return Preprocess{}, yamlError(err)
	}
	p := file.Preprocess
	switch file.Classes.Kind {
	case 0:
	case yaml.ScalarNode:
		name := file.Classes.Value
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		classes, err := ReadClasses(name)
		if err != nil {
			return Preprocess{}, err
		}
		p.ClassNames = classes
	default:
		if err := file.Classes.Decode(&p.ClassNames); err != nil {
			return Preprocess{}, yamlError(err)
		}
	}
	if file.Preset != "" {
		base, err := Preset(file.Preset)
		if err != nil {
			return Preprocess{}, err
		}
		p = p.Over(base)
	}
	return p, p.Check()
}

// yamlError says in plain words what is wrong with settings.
func yamlError(err error) error {
	text := err.Error()
	if bad, ok := errors.AsType[*yaml.TypeError](err); ok && len(bad.Errors) > 0 {
		text = bad.Errors[0]
	}
	text, _, unknown := strings.Cut(strings.TrimPrefix(text, "yaml: "), " not found in type")
	if unknown {
		text = strings.Replace(text, "field ", "there is no setting ", 1)
	}
	return malformed("settings are preset, resize, crop_pct, letterbox, fill, crop, filter, scale, mean, std, channels, layout and classes", "%s", strings.Join(strings.Fields(text), " "))
}

// ReadClasses reads the names of classes in their order: a text file with one per line, a JSON
// list, or a JSON object from the number of a class to its name, or to a list that begins
// with the name of its folder, as the class index of Keras does.
func ReadClasses(path string) ([]string, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	names, err := parseClasses(text)
	if err == nil && len(names) == 0 {
		err = errors.New("no class in it")
	}
	if err == nil {
		err = Preprocess{ClassNames: names}.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return names, nil
}

func parseClasses(text []byte) (names []string, err error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	if !utf8.Valid(text) {
		return nil, errors.New("not text in UTF-8")
	}
	switch {
	case bytes.HasPrefix(text, []byte("[")):
		err = json.Unmarshal(text, &names)
		return names, err
	case bytes.HasPrefix(text, []byte("{")):
		return classIndex(text)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
		}
	}
	return names, nil
}

// classIndex reads a JSON object from numbers to names.
func classIndex(text []byte) ([]string, error) {
	var index map[string]json.RawMessage
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	names := make([]string, len(index))
	for key, value := range index {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(names) {
			return nil, fmt.Errorf("class %q is not a number from 0 to %d", key, len(names)-1)
		}
		var list []string
		if err := json.Unmarshal(value, &names[i]); err == nil {
			continue
		}
		if err := json.Unmarshal(value, &list); err != nil || len(list) == 0 {
			return nil, fmt.Errorf("class %s has no name", key)
		}
		names[i] = list[0]
	}
	return names, nil
}

// readSmall reads a file of a size that settings have.
func readSmall(path string) ([]byte, error) {
	f, err := openData(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, unpackError(err))
	case len(text) > maxSettings:
		return nil, fmt.Errorf("%s: larger than %d MB", path, maxSettings>>20)
	}
	return text, nil
}
