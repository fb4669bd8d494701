// Package dataset reads labelled samples in the form that a model takes.
//
// [Open] recognises
//
//   - an .npz file: arrays named after the model's inputs, and labels;
//   - a folder with IDX files (MNIST and its relatives), plain or .gz;
//   - a folder with CIFAR-10 or CIFAR-100 files of the binary version;
//   - an image folder: one sub-folder per class, with png, jpeg or gif files;
//   - a sound folder: the same with WAV files;
//   - images with boxes: folders images and labels in YOLO's format, or the .yaml file that
//     names them; a .json file of COCO beside its images, or a folder with such files;
//   - a .csv file: one sample per line, features and a label.
//
// A model takes its graph inputs with their shapes. The first axis counts samples.
//
// Images are kept as bytes and become float32 batches on demand. They are scaled to [0,1], then
// (x-mean)/std for each channel, in the layout of the input, with the same rounding as NumPy in
// float32. An .npz and a .csv already hold what the model takes, so their values are not changed.
//
// The images of an image folder are converted to the channels of the input. Where their size differs,
// they are resized and centre-cropped. Pixels are those of libjpeg, Pillow and torchvision except for
// rounding. Other images must have the model's size. [Preprocess] can change all that.
//
// [ReadNPZ] and [WriteNPZ] exchange arrays with NumPy in general.
//
// # Files
//
//	doc.go          this overview
//	dataset.go      Open and Spec: what a path holds, and which samples to take
//	labels.go       the truth of samples: classes or other arrays
//	arrays.go       .npz files as samples
//	axes.go         where arrays in a file have samples
//	npz.go          reading and writing .npz files
//	npy.go          headers of .npy members; writing
//	npydecode.go    elements of .npy members
//	npyrows.go      some rows of .npy members only
//	csv.go          CSV files
//	idx.go          IDX files, as of MNIST
//	cifar.go        CIFAR binary files
//	folder.go       what a folder holds; its splits
//	imagefolder.go  image folders with one sub-folder per class
//	boxes.go        images with boxes as labels
//	yolo.go         the labels of YOLO
//	yolofile.go     data.yaml and lists of classes
//	coco.go         those of COCO
//	imageload.go    decoding images when they are needed
//	images.go       sizes, layouts and scaling of images
//	preprocess.go   Preprocess: what may be asked of images; presets
//	settings.go     settings and names of classes in files
//	placement.go    where an image goes in the model's input
//	resample.go     resizing with Pillow's bytes
//	sounds.go       folders of WAV files
//	wav.go          reading them
//	jpeg.go         colour of JPEG files, upsampled as libjpeg does
//	limits.go       bounds on what files may ask for
//	errors.go       typed errors
package dataset
