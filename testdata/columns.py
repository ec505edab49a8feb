"""The columns of the bundled catalogs: name, Arrow type, unit, UCD, description.

Every column of every catalog is listed here once; `build.py` reads the values, `hats_writer.py` writes them.
Units follow the VOUnits spelling, UCDs the UCD1+ vocabulary.
"""

import pyarrow as pa

INT32, INT64, FLOAT32, FLOAT64 = pa.int32(), pa.int64(), pa.float32(), pa.float64()
TEXT, BOOL = pa.string(), pa.bool_()

HEALPIX = ("_healpix_29", INT64, "", "pos.healpix", "HEALPix cell of order 29, NESTED, ICRS: the spatial index of the table")

GAIA = [
    ("source_id", INT64, "", "meta.id;meta.main", "Gaia DR3 source identifier; minus the Hipparcos number for the stars that are too bright for Gaia and come from Hipparcos-2"),
    ("hip", INT32, "", "meta.id.cross", "Hipparcos number, only for the stars that come from Hipparcos-2"),
    ("ra", FLOAT64, "deg", "pos.eq.ra;meta.main", "Right ascension, ICRS, epoch J2016.0"),
    ("dec", FLOAT64, "deg", "pos.eq.dec;meta.main", "Declination, ICRS, epoch J2016.0"),
    ("phot_g_mean_mag", FLOAT32, "mag", "phot.mag;em.opt", "Mean magnitude in the G band; from Hp for the Hipparcos-2 stars"),
    ("phot_bp_mean_mag", FLOAT32, "mag", "phot.mag;em.opt.B", "Mean magnitude in the integrated BP band"),
    ("phot_rp_mean_mag", FLOAT32, "mag", "phot.mag;em.opt.R", "Mean magnitude in the integrated RP band"),
]

# The first two columns are degrees of the radians that the original file holds (`ra_rad`, `dec_rad`).
HIPPARCOS_DEGREES = [
    ("ra", FLOAT64, "deg", "pos.eq.ra;meta.main", "Right ascension, ICRS, epoch J1991.25"),
    ("dec", FLOAT64, "deg", "pos.eq.dec;meta.main", "Declination, ICRS, epoch J1991.25"),
]

# name, type, unit, UCD, description, first and last byte in hip2.dat (counted from 1)
HIPPARCOS = [
    ("hip", INT32, "", "meta.id;meta.main", "Hipparcos number", 1, 6),
    ("sn", INT32, "", "meta.code.class", "Solution type, new reduction", 8, 10),
    ("so", INT32, "", "meta.code.class", "Solution type, old reduction", 12, 12),
    ("nc", INT32, "", "meta.number", "Number of components", 14, 14),
    ("ra_rad", FLOAT64, "rad", "pos.eq.ra", "Right ascension in radians as published, ICRS, epoch J1991.25", 16, 28),
    ("dec_rad", FLOAT64, "rad", "pos.eq.dec", "Declination in radians as published, ICRS, epoch J1991.25", 30, 42),
    ("plx", FLOAT64, "mas", "pos.parallax", "Parallax; may be negative", 44, 50),
    ("pmra", FLOAT64, "mas/yr", "pos.pm;pos.eq.ra", "Proper motion in right ascension, times cos(dec)", 52, 59),
    ("pmdec", FLOAT64, "mas/yr", "pos.pm;pos.eq.dec", "Proper motion in declination", 61, 68),
    ("e_ra", FLOAT64, "mas", "stat.error;pos.eq.ra", "Formal error of right ascension, times cos(dec)", 70, 75),
    ("e_dec", FLOAT64, "mas", "stat.error;pos.eq.dec", "Formal error of declination", 77, 82),
    ("e_plx", FLOAT64, "mas", "stat.error;pos.parallax", "Formal error of the parallax", 84, 89),
    ("e_pmra", FLOAT64, "mas/yr", "stat.error;pos.pm;pos.eq.ra", "Formal error of pmra", 91, 96),
    ("e_pmdec", FLOAT64, "mas/yr", "stat.error;pos.pm;pos.eq.dec", "Formal error of pmdec", 98, 103),
    ("ntr", INT32, "", "meta.number", "Number of field transits used", 105, 107),
    ("f2", FLOAT64, "", "stat.fit.goodness", "Goodness of fit", 109, 113),
    ("f1", INT32, "%", "stat.value", "Percentage of rejected data", 115, 116),
    ("var", FLOAT64, "", "stat.value", "Cosmic dispersion added (stochastic solution)", 118, 123),
    ("ic", INT32, "", "meta.id", "Entry in one of the supplementary catalogues", 125, 128),
    ("hpmag", FLOAT64, "mag", "phot.mag;em.opt.V", "Hipparcos magnitude Hp", 130, 136),
    ("e_hpmag", FLOAT64, "mag", "stat.error;phot.mag;em.opt.V", "Error of the mean Hp", 138, 143),
    ("shp", FLOAT64, "mag", "stat.stdev;phot.mag", "Scatter of Hp", 145, 149),
    ("va", INT32, "", "meta.code;src.var", "Variability annex flag: 0 none, 1, 2", 151, 151),
    ("b_v", FLOAT64, "mag", "phot.color;em.opt.B;em.opt.V", "Colour index B-V", 153, 158),
    ("e_b_v", FLOAT64, "mag", "stat.error;phot.color", "Error of the colour index B-V", 160, 164),
    ("v_i", FLOAT64, "mag", "phot.color;em.opt.V;em.opt.I", "Colour index V-I", 166, 171),
]

OPENNGC = [
    ("name", TEXT, "", "meta.id;meta.main", "Name of the object, such as NGC0224 or IC0002"),
    ("type", TEXT, "", "src.class", "Kind of object: G galaxy, OCl open cluster, GCl globular cluster, PN planetary nebula, Dup duplicate entry, ..."),
    ("ra", FLOAT64, "deg", "pos.eq.ra;meta.main", "Right ascension, ICRS, epoch J2000.0"),
    ("dec", FLOAT64, "deg", "pos.eq.dec;meta.main", "Declination, ICRS, epoch J2000.0"),
    ("const", TEXT, "", "meta.id", "Constellation that holds the object (abbreviation by the IAU)"),
    ("majax", FLOAT64, "arcmin", "phys.angSize.smajAxis", "Major axis"),
    ("minax", FLOAT64, "arcmin", "phys.angSize.sminAxis", "Minor axis"),
    ("pa", INT32, "deg", "pos.posAng", "Position angle of the major axis, north to east"),
    ("bmag", FLOAT64, "mag", "phot.mag;em.opt.B", "Apparent total magnitude in B"),
    ("vmag", FLOAT64, "mag", "phot.mag;em.opt.V", "Apparent total magnitude in V"),
    ("jmag", FLOAT64, "mag", "phot.mag;em.IR.J", "Apparent total magnitude in J"),
    ("hmag", FLOAT64, "mag", "phot.mag;em.IR.H", "Apparent total magnitude in H"),
    ("kmag", FLOAT64, "mag", "phot.mag;em.IR.K", "Apparent total magnitude in K"),
    ("sbrightn", FLOAT64, "mag/arcsec2", "phot.mag.sb;em.opt.B", "Mean surface brightness within the 25 mag isophote, B band (galaxies)"),
    ("hubble", TEXT, "", "src.morph.type", "Morphological type (galaxies)"),
    ("parallax", FLOAT64, "mas", "pos.parallax", "Parallax"),
    ("pmra", FLOAT64, "mas/yr", "pos.pm;pos.eq.ra", "Proper motion in right ascension, times cos(dec)"),
    ("pmdec", FLOAT64, "mas/yr", "pos.pm;pos.eq.dec", "Proper motion in declination"),
    ("radvel", FLOAT64, "km/s", "spect.dopplerVeloc", "Heliocentric radial velocity"),
    ("redshift", FLOAT64, "", "src.redshift", "Heliocentric redshift"),
    ("cstarumag", FLOAT64, "mag", "phot.mag;em.opt.U", "Magnitude of the central star in U (planetary nebulae)"),
    ("cstarbmag", FLOAT64, "mag", "phot.mag;em.opt.B", "Magnitude of the central star in B (planetary nebulae)"),
    ("cstarvmag", FLOAT64, "mag", "phot.mag;em.opt.V", "Magnitude of the central star in V (planetary nebulae)"),
    ("messier", TEXT, "", "meta.id.cross", "Messier number, as text"),
    ("ngc", TEXT, "", "meta.id.cross", "NGC number that this entry duplicates or belongs to, as text"),
    ("ic", TEXT, "", "meta.id.cross", "IC number that this entry duplicates or belongs to, as text"),
    ("cstarnames", TEXT, "", "meta.id.cross", "Names of the central star (planetary nebulae), separated by commas"),
    ("identifiers", TEXT, "", "meta.id.cross", "Names in other catalogs, separated by commas"),
    ("commonnames", TEXT, "", "meta.id", "Common names, separated by commas"),
    ("nednotes", TEXT, "", "meta.note", "Notes on the data taken from NED"),
    ("ongcnotes", TEXT, "", "meta.note", "Notes of the OpenNGC authors"),
    ("notngc", BOOL, "", "meta.code", "True where the object is of neither the NGC nor the IC"),
]


def schema(columns):
    """Arrow schema of a list of columns, with `unit`, `ucd` and `description` as field metadata.

    A quantity without a unit carries an empty `unit`, so that "no unit" differs from "not told".
    """
    return pa.schema([
        pa.field(name, kind, metadata={"unit": unit, "ucd": ucd, "description": description})
        for name, kind, unit, ucd, description, *_ in columns
    ])
