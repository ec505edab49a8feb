"""Writes astropy_factors.csv: by what a value in one unit is multiplied to be in another, as astropy has it.

    python astropy_factors.py > astropy_factors.csv       (astropy 8)
"""

import itertools
import random
import warnings

import astropy.units as u

# Units of one kind; `uas` is not in VOUnits, so astropy reads another name of it.
KINDS = [
    ["deg", "arcmin", "arcsec", "mas", "uas", "rad", "mrad", "marcsec", "udeg"],
    ["s", "min", "h", "d", "yr", "a", "Myr", "ms", "ks", "Gyr"],
    ["m", "km", "AU", "pc", "kpc", "Mpc", "lyr", "solRad", "Angstrom", "nm", "um", "cm"],
    ["mas.yr**-1", "deg/d", "arcsec.yr**-1", "uas/h", "rad.s**-1"],
    ["km.s**-1", "m/s", "pc/Myr", "AU/yr", "kpc.Gyr**-1", "cm.ms**-1"],
    ["km.s**-1.Mpc**-1", "s**-1", "yr**-1", "Hz", "mHz", "GHz"],
    ["Jy", "mJy", "uJy", "W.m**-2.Hz**-1", "erg/(s.cm**2.Hz)", "MJy"],
    ["erg.s**-1.cm**-2.Angstrom**-1", "W.m**-3", "W/(m**2.um)"],
    ["MJy/sr", "Jy.arcsec**-2", "mJy/deg**2"],
    ["deg**2", "arcmin**2", "sr", "arcsec**2", "mas**2"],
    ["J", "erg", "eV", "keV", "MeV", "kW.h", "Ry"],
    ["W", "solLum", "erg/s", "MW"],
    ["kg", "g", "solMass", "u", "10**3kg"],
    ["solMass/pc**3", "g.cm**-3", "kg.m**-3"],
    ["mag", "mmag"],
    ["mag/arcsec**2", "mmag.arcmin**-2"],
    ["ct/s", "count.h**-1", "kct/s"],
    ["ph.s**-1.cm**-2", "photon/(m**2.min)"],
    ["Jy**(1/2)", "mJy**(1/2)"],
    ["m**(1/3)", "km**(1/3)"],
    ["byte", "bit", "kbyte", "Kibyte", "MiB", "Gbit"],
    ["T", "G", "mT", "uG"],
    ["Pa", "hPa", "N.m**-2", "J/m**3"],
    ["V/m", "kV.cm**-1", "N/C"],
    ["Ohm", "V/A", "kOhm"],
    ["R", "mR", "ph.m**-2.s**-1.sr**-1"],
    ["K", "mK", "MK"],
    ["1000m", "0.01km", "10**-3pc"],
    ["sqrt(m**2)", "km"],
    ["barn", "m**2", "mbarn"],
]


def read(text):
    return u.uas if text == "uas" else u.Unit(text.replace("uas", "uarcsec"), format="vounit")


def main():
    warnings.simplefilter("ignore")
    pairs = [pair for kind in KINDS for pair in itertools.permutations(kind, 2)]
    random.Random(2026).shuffle(pairs)
    print("from,to,factor")
    for one, other in sorted(pairs[:240]):
        print(f"{one},{other},{read(one).to(read(other))!r}")


main()
