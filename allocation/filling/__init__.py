"""Filling: who gets how many packs, by which rule, in which order of keys.

`progressive` is the definition, pack by pack; `water` and `coupled` reach the same in jumps, by kernels where numba is
installed (`compiled_water`: one supply after the other, of lines, or of `bins` of lines that are alike); `exact` shares
fractions. `rules`, `signposts`, `pack_keys` and `lottery` say where one more pack is due, `minimums` and `bundles` what
stands between lines; every way hands back an `outcome`.
"""
