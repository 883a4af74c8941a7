"""The whole main job on one machine, in one command.

:mod:`~evenhand.demo.setting` is what a play starts from (a town from a seed, or a real week from
:mod:`~evenhand.demo.iowa`), :mod:`~evenhand.demo.shops` the terminals, :mod:`~evenhand.demo.play` the acts in
their order, :mod:`~evenhand.demo.view` what a person sees of it.
"""
