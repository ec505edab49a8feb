"""Which queries do notebooks of archives send, and with which parameters?

Each shape is the text of a query with `{names}` to fill in. A shape whose rows are any subset (LIMIT without ORDER BY,
ORDER BY random()) keeps its cut apart, so that the whole answer can be asked for as well.
"""

from dataclasses import dataclass

from postgres_tables import FIELD


@dataclass(frozen=True)
class Shape:
    """One shape: its number, its text, and how answers are compared."""

    number: str
    text: str
    # What makes the rows any subset of the whole answer, and how many rows that is at most.
    cut: str = ""
    rows: int = 0
    # Whether the order of rows is given.
    ordered: bool = False
    # Greatest relative difference of floating-point numbers: sums depend on their order.
    tolerance: float = 0.0
    # Why types differ, where that is a decision (docs/adql.md).
    types: str = ""
    # Why rows differ, where that is a decision.
    differs: str = ""


LITERALS = "integer literals have 64 bits"
NUMERIC = "no arbitrary precision: sums of integers have 64 bits, averages are double"
RANKS = "numbers of rows within windows are unsigned"
LISTS = "IN compares a real with a number as = does, in double precision: 99.99 is no real"
ELLIPSES = "an ellipse is the section of a cone, one in the tangent plane; Q3C's own differs at the rim of large ones"
WIDE_SUMS = "sums of real are double"

SUMS = 1e-12
# Q3C computes distances by another formula.
DISTANCES = 1e-7

CONE = "q3c_radial_query(ra, dec, {ra0}, {dec0}, {deg})"
EPOCHS = "SELECT id, ra, dec, mjd, cmag, cerr, filter FROM cat.src"

SHAPES = [
    Shape("1", "SELECT schema FROM tbl_stat WHERE schema IN ('cat', 'surv')"),
    Shape("1b", "SELECT schema, tbl_name FROM tbl_stat WHERE schema LIKE 's%' AND schema <> 'sidereus'"),
    Shape("2", "SELECT nrows FROM tbl_stat WHERE schema='cat' AND tbl_name='obj'"),
    Shape("3", "SELECT schema, tbl_name, nrows, ncols FROM tbl_stat WHERE schema='cat' AND tbl_name='obj'"),
    Shape("4", "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('cat', 'surv')"),
    Shape("5", "SELECT * FROM cat.obj", cut="LIMIT 100", rows=100),
    Shape("6", f"SELECT ra, dec, gmag, rmag FROM cat.obj WHERE {CONE}"),
    Shape("7", f"SELECT * FROM cat.obj WHERE {CONE}"),
    Shape("8", f"SELECT ra, dec FROM cat.obj WHERE {CONE} AND gmag BETWEEN 9 AND 25 AND (gmag - rmag) BETWEEN -0.4 AND 0.4"),
    Shape("8b", f"SELECT id, gmag - rmag AS g_r FROM cat.obj WHERE {CONE} AND gmag-rmag > {{x}}"),
    Shape("9", f"SELECT id, ra FROM cat.obj WHERE {CONE} AND fieldid = '{{field}}' AND depthflag > 1 AND abs(sharp) < 0.5 AND ndetr > 3"),
    Shape("9b", "SELECT id, sharp FROM cat.obj WHERE fieldid = {field} AND abs(sharp) < '0.5'"),
    Shape("10", "SELECT ra,dec FROM cat.obj WHERE Q3C_RADIAL_QUERY(ra,dec,{ra0},{dec0},5./60.)", cut="LIMIT 300000", rows=300000),
    Shape("11", "SELECT * FROM cat.src WHERE q3c_radial_query(ra,dec,{ora},{odec},5.6e-05)"),
    Shape("12", f"SELECT parallax FROM cat.obj WHERE ({CONE} AND NOT parallax = 'Nan')"),
    Shape("12b", "SELECT id FROM cat.obj WHERE parallax = 'NaN'"),
    Shape("12c", "SELECT id FROM cat.obj WHERE parallax > {x} AND radial_velocity >= 'NaN'"),
    Shape("13", "SELECT ra, dec, gmag FROM cat.obj WHERE ra > {ra0} AND ra < {ra0} + 1.5 AND dec < {dec0} + 1 AND dec > {dec0} "
          "AND NOT gmag='NaN' AND NOT gmag='Infinity' AND NOT gmag='-Infinity' AND NOT radial_velocity='-Infinity'",
          cut="LIMIT 100000", rows=100000),
    Shape("13b", "SELECT id, radial_velocity FROM cat.obj WHERE radial_velocity = '-Infinity' OR radial_velocity = 'inf'"),
    Shape("14", "SELECT o.id, s.specobjid FROM cat.obj AS o JOIN surv.spec AS s ON o.ra = s.ra AND o.dec = s.dec "
          "WHERE s.ra BETWEEN {ra0} AND {ra0} + 1 AND s.dec BETWEEN {dec0} AND {dec0} + 1"),
    Shape("15", "SELECT id, radial_velocity FROM cat.obj WHERE ra > 184 AND ra < 190 AND dec > -5 AND dec < 1 "
          "AND radial_velocity != 'nan' AND abs(radial_velocity) > 0."),
    Shape("16", "SELECT cntr, w1snr FROM surv.wise WHERE glat>50 AND glat<60 AND random_id>{k} AND random_id<{k}+5 AND w1snr>5",
          cut="LIMIT 500000", rows=500000),
    Shape("17", "SELECT id, flux/dflux AS snr FROM cat.obj WHERE CASE WHEN dflux <> 0 THEN flux/dflux END > 5"),
    Shape("17b", "SELECT id, flux*2.5 AS f, flux/3 AS g, flux+1 AS h, -flux AS m, gmag - 0.1 AS c FROM cat.obj WHERE ndetr = 4"),
    Shape("18", "SELECT ra, dec FROM cat.obj WHERE random_id < 10 AND ra > 124 AND ra < 200", cut="LIMIT 700", rows=700),
    Shape("19", "SELECT gmag AS g, rmag AS r FROM cat.obj WHERE flux>3 AND dflux>{x} AND psfsize_r>1.0", cut="LIMIT 400000", rows=400000),
    Shape("20", "SELECT cntr FROM surv.wise WHERE ((w1snr<5 OR w2snr<5) AND glat>50 AND random_id<{k})"),
    Shape("21", "SELECT * FROM cat.obj WHERE expnum_g = 6056{field_end}"),
    Shape("22", f"{EPOCHS} WHERE id='{{id}}' AND cmag < 99 ORDER BY mjd ASC", ordered=True),
    Shape("22b", "SELECT mjd, cmag FROM cat.src WHERE id='{id}' ORDER BY cmag DESC, mjd", ordered=True),
    Shape("22c", "SELECT cmag, mjd FROM cat.src WHERE mjd > 57990 ORDER BY cmag, mjd", ordered=True),
    Shape("23", "SELECT specobjid FROM surv.spec WHERE (resolvestatus & 256) != 0", cut="LIMIT 100000", rows=100000),
    Shape("23b", "SELECT specobjid, boss_target1 & 3 AS low, resolvestatus | 1 AS odd FROM surv.spec "
          "WHERE (boss_target1 & 1) != 0 AND class_noqso='GALAXY' AND zwarning_noqso=0", types=LITERALS),
    Shape("23c", "SELECT specobjid, resolvestatus # 5 AS x, ~resolvestatus AS n, resolvestatus << 2 AS l, resolvestatus >> 1 AS r, "
          "~zwarning_noqso AS s, boss_target1 >> 3 AS b FROM surv.spec WHERE resolvestatus & 3 = 1", types=LITERALS),
    Shape("23d", "SELECT resolvestatus & 12 + 1 AS a, resolvestatus | 3 & 2 AS b, resolvestatus # 7 | 8 AS c, 1 << zwarning_noqso + 1 AS d, "
          "-resolvestatus >> 1 AS e, - 5 % 3 AS f FROM surv.spec", types=LITERALS),
    Shape("24", "SELECT * FROM surv.spec WHERE specobjid IN ({ids}) ORDER BY specobjid", ordered=True),
    Shape("25", "SELECT l.id, l.gmag, s.z FROM cat.obj AS l JOIN surv.spec AS s ON l.ra = s.ra WHERE l.ra BETWEEN {ra0} AND {ra0}+3 "
          "AND l.dec BETWEEN {dec0} AND {dec0}+3 AND l.gerr > 0", cut="LIMIT 100000", rows=100000),
    Shape("26", "SELECT e.joinid, e.mjd, e.oiii_flux, s.z FROM surv.lines e JOIN surv.spec AS s ON (e.joinid = s.joinid) AND (e.mjd = s.mjd) "
          "WHERE s.z > 0.02 AND s.z < 0.2 AND e.oiii_flux_err > 0 AND (e.oiii_flux/e.oiii_flux_err) > {x}"),
    Shape("27", "SELECT specobjid, bestobjid, platex, p.objid FROM surv.spec AS s LEFT JOIN surv.plates AS p ON s.bestobjid = p.objid "
          "WHERE specobjid IN ({ids})"),
    Shape("28", "SELECT s.id, s.gmag, g.pmra AS pm, g.pmdec FROM cat.obj AS s LEFT JOIN (SELECT id1, ra1 AS pmra, dec1 AS pmdec "
          "FROM cat.x1p5__obj__surv__wise WHERE q3c_radial_query(ra1,dec1,{ra0},{dec0},0.7)) AS g ON s.id = g.id1 "
          "WHERE q3c_radial_query(s.ra,s.dec,{ra0},{dec0},1) AND s.gerr<0.2"),
    Shape("29", "SELECT s.id, gt.* FROM cat.obj AS s INNER JOIN (SELECT x.id1, w.w1mpro, x.distance FROM cat.x1p5__obj__surv__wise AS x "
          "JOIN surv.wise AS w ON x.id2 = w.cntr WHERE q3c_radial_query(x.ra1, x.dec1, {ra0}, {dec0}, 1.5)) AS gt ON s.id = gt.id1"),
    Shape("30", "SELECT s.gmag, l.w1mpro, x.distance FROM cat.x1p5__obj__surv__wise AS x JOIN cat.obj AS s ON x.id1 = s.id "
          "JOIN surv.wise AS l ON x.id2 = l.cntr WHERE x.ra1 BETWEEN {ra0} AND {ra0}+2 AND x.dec1 BETWEEN {dec0} AND {dec0}+2"),
    Shape("30b", "SELECT s.id, l.cntr FROM cat.x1p5__obj__surv__wise AS x JOIN cat.obj AS s ON x.id1 = s.id "
          "JOIN surv.wise AS l ON x.id2 = l.cntr", cut="ORDER BY random()", rows=10**9),
    Shape("31", "SELECT ra1, dec1, ra2, dec2 FROM cat.x1p5__obj__surv__wise WHERE ra1>186 AND dec1>-3", cut="ORDER BY random() LIMIT 5", rows=5),
    Shape("32", "SELECT o.name, g.id, (q3c_dist(o.ra, o.dec, g.ra, g.dec)*3600.0) AS dist_arcsec FROM mydb://mine AS o, cat.obj AS g "
          "WHERE q3c_join(o.ra, o.dec, g.ra, g.dec, 0.01)", tolerance=DISTANCES),
    Shape("33", "SELECT o.name, gg.id, gg.gmag, q3c_dist(o.ra, o.dec, gg.ra, gg.dec)*3600.0 AS dist_arcsec FROM mydb://mine AS o "
          "LEFT JOIN LATERAL (SELECT g.* FROM cat.obj AS g WHERE q3c_join(o.ra, o.dec, g.ra, g.dec, 0.01) "
          "ORDER BY q3c_dist(o.ra, o.dec, g.ra, g.dec) ASC LIMIT 1) AS gg ON true", tolerance=DISTANCES),
    Shape("33b", "SELECT o.name, gg.id FROM mydb://mine AS o LEFT JOIN LATERAL (SELECT g.id, g.ra, g.dec FROM cat.obj AS g "
          "WHERE q3c_join(o.ra, o.dec, g.ra, g.dec, 1.5) AND g.gmag < 22 ORDER BY q3c_dist(o.ra, o.dec, g.ra, g.dec) LIMIT 3) AS gg ON true"),
    Shape("34", "SELECT o.name, gg.* FROM mydb://mine AS o INNER JOIN LATERAL (SELECT x.id1, x.id2, x.distance FROM cat.x1p5__obj__surv__wise AS x "
          "WHERE q3c_join(o.ra, o.dec, x.ra1, x.dec1, 1.5/3600.0) ORDER BY q3c_dist(o.ra, o.dec, x.ra1, x.dec1) ASC LIMIT 1) AS gg ON true"),
    Shape("34b", "SELECT w.cntr, gg.id FROM surv.wise AS w JOIN LATERAL (SELECT g.id FROM cat.obj AS g "
          "WHERE q3c_join(w.ra, w.dec, g.ra, g.dec, 1.5/3600.0) ORDER BY q3c_dist(w.ra, w.dec, g.ra, g.dec) ASC LIMIT 1) AS gg ON true"),
    Shape("35", "SELECT COUNT(*) AS n, COUNT(DISTINCT w.cntr) AS m FROM surv.wise AS w JOIN LATERAL (SELECT g.id FROM cat.obj AS g "
          "WHERE q3c_join(w.ra, w.dec, g.ra, g.dec, 0.01) ORDER BY random() ASC LIMIT 1) AS gg ON true"),
    Shape("36", "SELECT g.name, s.id, a.w1mpro FROM cat.x1p5__obj__surv__wise AS x JOIN cat.obj AS s ON x.id1=s.id "
          "JOIN surv.wise AS a ON x.id2=a.cntr JOIN mydb://mine AS g ON s.source_id=g.source_id"),
    Shape("37", "SELECT avg(ra) AS ra0, avg(dec) AS dec0, nest4096, count(nest4096) AS nb FROM cat.obj WHERE rerr<0.2 GROUP BY nest4096", tolerance=SUMS),
    Shape("37b", "SELECT avg(ra) as ra0,avg(dec) as dec0,ring256,count(ring256) as nb FROM cat.obj GROUP BY ring256", tolerance=SUMS),
    Shape("38", "SELECT ring256, avg(gmag) AS g, avg(gmag - imag) AS g_i, count(gmag) AS n FROM cat.obj WHERE gerr < 0.2 AND rerr < {x} + 1 "
          "GROUP BY ring256", tolerance=1e-6),
    Shape("39", "SELECT count(ring256) AS nb, ring256 FROM cat.obj WHERE (gmag - rmag) < 0.75 AND gmag > 19.5 AND gerr < 0.2 "
          "AND extclass <= 1 AND extclass > -1 GROUP BY ring256"),
    Shape("40", "SELECT count(*) FROM cat.src"),
    Shape("40b", "SELECT COUNT(gmag) FROM cat.obj WHERE rerr < 0.2"),
    Shape("40c", "SELECT COUNT(*) AS nrows FROM cat.obj WHERE gmag > 90"),
    Shape("41", "SELECT min(ra), max(ra), avg(ra), min(flux) AS a, max(flux) AS b, avg(flux) AS c, min(dflux) AS d, sum(ndetr) AS s "
          "FROM cat.obj WHERE psfsize_r > 1.{k} AND psfsize_r < 2", tolerance=1e-6),
    Shape("41b", "SELECT avg(flux) AS c, max(flux) AS m FROM cat.obj WHERE flux != 'NaN'", tolerance=1e-6),
    Shape("43", "SELECT name, ra FROM mydb://mine ORDER BY name LIMIT 5 OFFSET 10", ordered=True),
    Shape("46", "SELECT ra, dec FROM surv.spec WHERE plate = 2955"),
    Shape("47", "SELECT  id, ra, dec, gmag, rmag, imag, gerr, rerr, pmra,  pmdec, parallax, sharp, depthflag,\n  ndetr, extclass, flux\n"
          "FROM cat.obj   \n  WHERE  fieldid = {field}\n ORDER BY id LIMIT 15   \n", ordered=True),
    Shape("c1", "SELECT ra::real AS r, ndetr::text AS t, gmag::double precision AS g, '12'::int AS i, fieldid::bigint AS f, "
          "'{id}'::varchar(3) AS v FROM cat.obj WHERE ndetr::float8 > 7"),
    Shape("c2", "SELECT fieldid/10 AS q, -fieldid/7 AS n, fieldid%7 AS m, (-fieldid)%7 AS p, mod(fieldid, 7) AS o FROM cat.obj WHERE ndetr = 1", types=LITERALS),
    Shape("c3", "SELECT id, type FROM cat.obj WHERE type ILIKE 'p%' AND id ~ '^16[0-3]' AND id !~ '7$'"),
    Shape("c4", "SELECT count(*) AS n FROM cat.obj WHERE gmag > rmag AND radial_velocity <> 'NaN' -- a comment with mydb://x 'and quote\n"),
    Shape("n1", "SELECT ring256, max(gmag) AS a, min(gmag) AS b, max(radial_velocity) AS c, min(radial_velocity) AS d FROM cat.obj GROUP BY ring256"),
    Shape("n2", "SELECT max(gmag) AS a, min(gmag) AS b, max(radial_velocity) AS c, min(radial_velocity) AS d FROM cat.obj WHERE gmag = 'NaN'"),
    Shape("n3", "SELECT max(gmag) AS a, min(gmag) AS b, max(radial_velocity) AS c, min(radial_velocity) AS d FROM cat.obj"),
    Shape("n4", "SELECT gmag, count(*) AS n FROM cat.obj WHERE gmag = 0 OR gmag > 99 GROUP BY gmag ORDER BY gmag", ordered=True),
    Shape("n5", "SELECT id FROM cat.obj WHERE gmag = 0 AND NOT rmag > 0"),
    Shape("n6", "SELECT id, gmag FROM cat.obj WHERE gmag > 26 OR gmag < -0.0 ORDER BY gmag DESC NULLS LAST, id", ordered=True),
    Shape("n7", "SELECT count(DISTINCT gmag) AS n FROM cat.obj WHERE gmag > 98 OR gmag = 0"),
    Shape("n8", "SELECT a.id, b.id AS other FROM cat.obj a JOIN cat.obj b ON a.gmag = b.gmag AND a.rmag = b.rmag WHERE a.fieldid = {field} AND b.fieldid = {field}"),
    Shape("n9", "SELECT id FROM cat.obj WHERE gmag - rmag = 'NaN' OR sqrt(abs(pmra)) > 2 OR NOT (-pmdec < 3)"),
    Shape("n10", "SELECT id FROM cat.obj WHERE gmag IN (0, 20) OR rmag IN ('NaN', 0) OR imag BETWEEN 22 AND 'NaN'"),
    Shape("n10b", "SELECT id, gmag FROM cat.obj WHERE gmag IN (0, 99.99)", differs=LISTS),
    Shape("n10c", "SELECT id, rmag FROM cat.obj WHERE rmag IN ('NaN', 0)"),
    Shape("n10d", "SELECT id, imag FROM cat.obj WHERE imag BETWEEN 22 AND 'NaN'"),
    Shape("n11", "SELECT DISTINCT gmag FROM cat.obj WHERE gmag <= 0 OR gmag >= 99"),
    Shape("n12", "SELECT sum(ndetr) AS s, avg(ndetr) AS a, sum(source_id % 1000) AS b, count(DISTINCT fieldid) AS d FROM cat.obj", types=NUMERIC, tolerance=SUMS),
    Shape("n13", "SELECT sum(psfsize_r) AS s, avg(psfsize_r) AS a, sum(pmra) AS p FROM cat.obj WHERE NOT psfsize_r = 'NaN' AND pmra < 50", types=WIDE_SUMS, tolerance=1e-4),
    Shape("n14", "SELECT id, rank() OVER (ORDER BY gmag) AS r FROM cat.obj WHERE fieldid = {field} AND gmag <> 0", types=RANKS),
    Shape("c5", "SELECT DISTINCT class_noqso FROM surv.spec WHERE class_noqso <> ''"),
    Shape("c6", "SELECT plate, count(*) AS n, max(z) AS top FROM surv.spec GROUP BY plate HAVING count(*) > 3 ORDER BY n DESC, plate", ordered=True),
    Shape("c7", "SELECT id FROM cat.obj WHERE gmag = '99.99' OR rmag = 99.99 OR imag >= '99.99'"),
    Shape("c8", "SELECT id, log(ra) AS l, ln(ra) AS n, power(ndetr, 2) AS p, sqrt(ra) AS s, round(ra) AS o, floor(dec) AS f, ceil(dec) AS c, trunc(dec) AS t "
          "FROM cat.obj WHERE ra > 1", tolerance=1e-14),
    Shape("c9", "SELECT id, ra FROM cat.obj ORDER BY radial_velocity DESC NULLS LAST, id OFFSET 100 LIMIT 50", ordered=True),
    Shape("c10", "SELECT nest4096 >> 10 AS cell, count(*) AS n FROM cat.obj GROUP BY cell ORDER BY n DESC, cell LIMIT 20", ordered=True, types=LITERALS),
    Shape("c11", "SELECT CASE WHEN gmag = 'NaN' THEN -1 WHEN gmag IS NULL THEN -2 ELSE 1 END AS k, count(*) AS n FROM cat.obj GROUP BY k", types=LITERALS),
    Shape("c12", "SELECT id FROM cat.obj WHERE gmag NOT IN ('NaN', '99.99') AND fieldid IN ('161', '162') AND ndetr BETWEEN '2' AND '5'"),
    Shape("c13", "SELECT greatest(gmag, rmag) AS g, least(gmag, rmag) AS l, coalesce(gmag, -1) AS c, nullif(gmag, 'NaN') AS n FROM cat.obj WHERE ndetr = 2"),
    Shape("c14", "SELECT o.name FROM mydb://mine o LEFT JOIN cat.obj g ON o.source_id = g.source_id AND g.gmag < {k} WHERE g.id IS NULL"),
    Shape("c15", "SELECT upper(type) || '-' || fieldid AS label, length(type) AS n, substring(id from 1 for 3) AS s, position('.' in id) AS p "
          "FROM cat.obj WHERE ndetr = 3"),
    Shape("c16", "SELECT stddev(ra) AS s, variance(ra) AS v, corr(ra, dec) AS c, stddev_pop(dec) AS d FROM cat.obj", tolerance=1e-9),
    Shape("c17", "SELECT id, q3c_dist(ra, dec, {ra0}, {dec0}) AS d FROM cat.obj WHERE ndetr = 5", tolerance=DISTANCES),
    Shape("c18", "SELECT id FROM cat.obj WHERE q3c_poly_query(ra, dec, ARRAY[{ra0}, {dec0}, {ra0} + 2, {dec0}, {ra0} + 2, {dec0} + 2, {ra0}, {dec0} + 2])"),
    Shape("c18b", "SELECT id FROM cat.obj WHERE q3c_ellipse_query(ra, dec, {ra0}, {dec0}, 0.2, 0.5, {k})"),
    Shape("c19", "SELECT id FROM cat.obj WHERE q3c_ellipse_query(ra, dec, {ra0}, {dec0}, 1.5, 0.5, {k})", differs=ELLIPSES),
]


def parameters(rng, tables):
    """Values to fill in, drawn at random."""
    obj, spec = tables["cat", "obj"], tables["surv", "spec"]
    row = int(rng.integers(0, obj.num_rows))
    epoch = int(rng.integers(0, tables["cat", "src"].num_rows))
    ids = rng.choice(spec["specobjid"].to_numpy(), 40, replace=False)
    return {
        "ra0": round(FIELD[0] + rng.uniform(-3, 1), 6),
        "dec0": round(FIELD[1] + rng.uniform(-3, 1), 6),
        "deg": round(float(10 ** rng.uniform(-2, 0.6)), 5),
        "ora": obj["ra"][row].as_py(),
        "odec": obj["dec"][row].as_py(),
        "id": tables["cat", "src"]["id"][epoch].as_py(),
        "field": int(rng.integers(160, 180)),
        "field_end": int(rng.integers(10, 100)),
        "x": round(rng.uniform(-1, 1), 3),
        "k": int(rng.integers(1, 9)),
        "ids": ", ".join(map(str, ids)),
    }
