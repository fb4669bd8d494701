package dataset

import (
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An image folder has one sub-folder per class; the classes count in the sorted
// order of their names, as torchvision's ImageFolder and Keras do, or in that of
// Preprocess.ClassNames. Above the
// classes there may be folders for the splits. Images that lie in the folder
// itself are samples without labels.

// splitFolders are the names of split folders, the preferred one first.
var splitFolders = map[Split][]string{
	Train: {"train", "training"},
	Test:  {"test", "testing", "val", "valid", "validation"},
}

// imageSplit is the class folders of one split.
type imageSplit struct {
	is      func(name string) bool // which files are samples
	folder  string                 // within the data set, "." for itself
	classes []string               // sorted; none for images without classes
}

// findFiles looks for files of a kind and their class folders; it returns no split when there
// are none.
func findFiles(root string, is func(name string) bool) (map[Split]imageSplit, error) {
	splits := make(map[Split]imageSplit)
	top, err := subFolders(root)
	if err != nil {
		return nil, err
	}
	for split, names := range splitFolders {
		for _, name := range names {
			at := slices.IndexFunc(top, func(folder string) bool { return strings.EqualFold(folder, name) })
			if at < 0 {
				continue
			}
			classes, err := subFolders(filepath.Join(root, top[at]))
			if err != nil {
				return nil, err
			}
			// Without folders in it, it is a class that happens to have the
			// name, as the trains of CIFAR-100.
			if len(classes) > 0 {
				splits[split] = imageSplit{is, top[at], classes}
				break
			}
		}
	}
	if len(splits) > 0 {
		return splits, alignClasses(splits)
	}
	for _, whole := range []imageSplit{{is, ".", top}, {is, ".", nil}} {
		files, err := whole.files(root)
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			splits[""] = whole
			break
		}
	}
	return splits, nil
}

// alignClasses makes labels mean the same in both splits: they count the
// classes that the model was trained on.
func alignClasses(splits map[Split]imageSplit) error {
	train, ok := splits[Train]
	test, both := splits[Test]
	if !ok || !both {
		return nil
	}
	for _, class := range test.classes {
		if !slices.Contains(train.classes, class) {
			return malformed("labels are positions in the sorted list of class folders, which has to be the same in both splits", "class %q of %s is not in %s", class, test.folder, train.folder)
		}
	}
	test.classes = train.classes
	splits[Test] = test
	return nil
}

// inOrder returns the classes in the order of a list, which may have more; nil means the
// order of the alphabet, or no classes.
func inOrder(folders, list []string) ([]string, error) {
	if folders == nil || list == nil {
		return folders, nil
	}
	for _, folder := range folders {
		if !slices.Contains(list, folder) {
			return nil, malformed("name the folders as the list of classes does", "class folder %q is not in the list of %d classes", folder, len(list))
		}
	}
	return list, nil
}

// imageFile is one sample: its path within the data set and its class.
type imageFile struct {
	path  string
	class int
}

// files lists a split's images in the order of classes and names.
func (s imageSplit) files(root string) ([]imageFile, error) {
	if s.classes == nil {
		names, _, err := filesIn(filepath.Join(root, s.folder), s.is)
		found := make([]imageFile, len(names))
		for i, name := range names {
			found[i].path = path.Join(s.folder, name)
		}
		return found, err
	}
	var found []imageFile
	for class, folder := range s.classes {
		folder = path.Join(s.folder, folder)
		names, nested, err := filesIn(filepath.Join(root, folder), s.is)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a class of the list or the other split that has no image here
		}
		if err != nil {
			return nil, err
		}
		if len(names) > 0 && nested != "" {
			return nil, malformed("move files out of folders inside a class folder", "class folder %s holds files and the folder %s", folder, nested)
		}
		for _, name := range names {
			found = append(found, imageFile{path.Join(folder, name), class})
		}
	}
	return found, nil
}

// holds reports whether there is a file in any of the splits.
func holds(root string, splits map[Split]imageSplit) bool {
	for name, s := range splits {
		if name == "" {
			return true // findFiles has seen one
		}
		if files, err := s.files(root); err == nil && len(files) > 0 {
			return true
		}
	}
	return false
}

// filesIn returns the sorted names of the files of a kind in a folder, and the name of a
// folder in it, if any.
func filesIn(folder string, is func(name string) bool) (names []string, nested string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, "", err
	}
	for _, e := range entries {
		switch {
		case hidden(e.Name()):
		case e.IsDir():
			nested = e.Name()
		case is(e.Name()):
			names = append(names, e.Name())
		}
	}
	return names, nested, nil
}

func isImage(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".gif":
		return true
	}
	return false
}

// subFolders returns the names, in order, of the folders in a folder, links to
// folders included.
func subFolders(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(folder, e.Name()))
			isDir = err == nil && info.IsDir()
		}
		if isDir {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func openImages(root string, splits map[Split]imageSplit, spec Spec) (source, []int, error) {
	chosen, err := chooseSplit(splits, spec)
	if err != nil {
		return nil, nil, err
	}
	split, files, err := splits[chosen].open(root, spec)
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("no png, jpeg or gif image in %s", split.folder)
	}
	im, _, err := loadImages(root, files, spec)
	if err != nil {
		return nil, nil, err
	}
	im.format = splitAbout("image folder", chosen)
	if split.classes == nil {
		return im, nil, nil
	}
	im.classes = split.classes
	im.format += ", " + counted(len(split.classes), "class", "classes")
	return im, classesIn(files), nil
}

// open lists the files of a split, with its classes in the order that spec asks for.
func (s imageSplit) open(root string, spec Spec) (imageSplit, []imageFile, error) {
	var err error
	if s.classes, err = inOrder(s.classes, spec.Preprocess.ClassNames); err != nil {
		return s, nil, err
	}
	files, err := s.files(root)
	return s, files, err
}

// classesIn returns the labels of files.
func classesIn(files []imageFile) []int {
	labels := make([]int, len(files))
	for i, file := range files {
		labels[i] = file.class
	}
	return labels
}

// frame settles what geometry the images get.
func (l *imageLoader) frame(in Input) (f frame, err error) {
	f, l.uniform, err = l.spec.frame(in, func() (geometry, error) {
		size, err := l.config(0)
		return geometry{3, size.Height, size.Width}, err
	})
	return f, err
}

// config reads the size of an image.
func (l *imageLoader) config(row int) (image.Config, error) {
	data, err := l.read(row)
	if err != nil {
		return image.Config{}, err
	}
	return imageConfig(data, l.files[row].path)
}
