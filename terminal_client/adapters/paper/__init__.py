"""From a slip to paper, in a process that lives for one print.

``raster`` draws, ``bytes_of`` turns the picture into the printer's commands, ``lines`` carries them to the device and
listens to what the printer says of itself. Pillow and python-escpos are imported here alone: the terminal stays small,
and a device that hangs is ended with its process.
"""
