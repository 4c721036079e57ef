"""The factory of synthetic videos: known text over moving pictures and known speech, and the truth beside them.

soundtrack   sentences to one track of speech, with pauses, noise and music: samples and `Line`s
captions     `Line`s to `Caption`s: what is displayed from which frame to which
scene        frozen description of the pictures: `Scene` of a `Background`, a `Style`, captions and signs
paint        the background as arrays
typefaces    which fonts there are, and lines of letters drawn with them
lettering    lines of text, dressed and placed, as layers
overlays     captions, tickers, clocks and titles while they are shown
render       a scene to its frames
video        frames and sound to a file, over ffmpeg
truth        what is really in a video, as JSON
film         all of that for one video
dialogue     lines as subtitles have them, in English and Mandarin
variety      films of every kind that subtitles come in
"""
