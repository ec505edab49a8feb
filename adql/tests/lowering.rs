//! ADQL in, plain SQL out.

mod sky;

use insta::assert_snapshot;
use sidereus_adql::{Label, ParameterType, Request, check, lower, parse};
use sky::{Sky, adql, sql};

#[test]
fn names_are_written_exactly() {
    assert_snapshot!(adql("select RAJ2000, r.hrv as V from Rave R order by v"), @r#"SELECT "RAJ2000", "R"."HRV" AS "V" FROM "public"."RAVE" AS "R" ORDER BY "V""#);
    assert_snapshot!(adql("SELECT stars.ID, public.stars.ra FROM stars WHERE Stars.Mag < 3"), @r#"SELECT "public"."stars"."id", "public"."stars"."ra" FROM "public"."stars" WHERE "public"."stars"."mag" < 3"#);
    assert_snapshot!(adql("SELECT -ra AS ra, dec FROM stars WHERE ra > 3 ORDER BY ra, -dec"), @r#"SELECT -"ra" AS "ra", "dec" FROM "public"."stars" WHERE "public"."stars"."ra" > 3 ORDER BY "ra", -"public"."stars"."dec""#);
    assert_snapshot!(adql("SELECT x FROM (SELECT \"copy\" AS X FROM odd) AS T WHERE t.X = 'a'"), @r#"SELECT "X" FROM (SELECT "copy" AS "X" FROM "public"."odd") AS "T" WHERE "T"."X" = 'a'"#);
}

#[test]
fn result_columns_have_unique_names() {
    assert_snapshot!(adql("SELECT COUNT(*), AVG(ra), AVG(dec), MAX(ra) - 1, (MIN(ra)) FROM stars"), @r#"SELECT count(*) AS "count", avg("ra") AS "avg", avg("dec") AS "avg_2", max("ra") - 1 AS "col_4", (min("ra")) AS "min" FROM "public"."stars""#);
    assert_snapshot!(adql("SELECT id, * FROM stars"), @r#"SELECT "id", "id" AS "id_2", "ra", "dec", "mag", "parallax" FROM "public"."stars""#);
    assert_snapshot!(adql("SELECT s.id, r.id FROM stars s, rave r"), @r#"SELECT "s"."id", "r"."id" AS "id_2" FROM "public"."stars" AS "s", "public"."RAVE" AS "r""#);
    assert_snapshot!(adql("SELECT * FROM stars, tap_upload.mine"), @r#"SELECT "public"."stars"."id", "public"."stars"."ra", "public"."stars"."dec", "public"."stars"."mag", "public"."stars"."parallax", "tap_upload"."mine"."oid", "tap_upload"."mine"."ra" AS "ra_2", "tap_upload"."mine"."dec" AS "dec_2", "tap_upload"."mine"."r" FROM "public"."stars", "tap_upload"."mine""#);
    assert_snapshot!(adql("SELECT * FROM (SELECT ra, ra FROM stars) AS t"), @r#"SELECT * FROM (SELECT "ra", "ra" AS "ra_2" FROM "public"."stars") AS "t""#);
}

#[test]
fn results_are_ordered_by_names_and_expressions() {
    assert_snapshot!(adql("SELECT ROUND(ra, 1) AS band, COUNT(*) AS n FROM stars GROUP BY ROUND(ra, 1) ORDER BY N * 2 DESC, Band"), @r#"SELECT round("ra", 1) AS "band", count(*) AS "n" FROM "public"."stars" GROUP BY round("ra", 1) ORDER BY "n" * 2 DESC, "band""#);
    assert_snapshot!(adql("SELECT -ra AS ra, mag * 2 AS double_mag FROM stars ORDER BY ra + double_mag"), @r#"SELECT -"ra" AS "ra", "mag" * 2 AS "double_mag" FROM "public"."stars" ORDER BY "public"."stars"."ra" + "double_mag""#);
    assert_snapshot!(adql("SELECT id, mag AS m FROM stars UNION SELECT id, hrv FROM rave ORDER BY M + 1, 1"), @r#"SELECT "id", "mag" AS "m" FROM "public"."stars" UNION SELECT "id", "HRV" FROM "public"."RAVE" ORDER BY "m" + 1, 1"#);
}

#[test]
fn merged_columns_are_written_out() {
    assert_snapshot!(adql("SELECT * FROM stars JOIN rave USING (id)"), @r#"SELECT "public"."stars"."id", "public"."stars"."ra", "public"."stars"."dec", "public"."stars"."mag", "public"."stars"."parallax", "public"."RAVE"."RAJ2000", "public"."RAVE"."DEJ2000", "public"."RAVE"."HRV" FROM "public"."stars" JOIN "public"."RAVE" ON "public"."stars"."id" = "public"."RAVE"."id""#);
    assert_snapshot!(adql("SELECT id FROM stars RIGHT JOIN rave USING (id)"), @r#"SELECT "public"."RAVE"."id" FROM "public"."stars" RIGHT JOIN "public"."RAVE" ON "public"."stars"."id" = "public"."RAVE"."id""#);
    assert_snapshot!(adql("SELECT id, COUNT(*) FROM stars FULL JOIN rave USING (id) GROUP BY id"), @r#"SELECT coalesce("public"."stars"."id", "public"."RAVE"."id") AS "id", count(*) AS "count" FROM "public"."stars" FULL JOIN "public"."RAVE" ON "public"."stars"."id" = "public"."RAVE"."id" GROUP BY coalesce("public"."stars"."id", "public"."RAVE"."id")"#);
    assert_snapshot!(adql("SELECT id FROM stars NATURAL JOIN tap_upload.mine"), @r#"SELECT "public"."stars"."id" FROM "public"."stars" JOIN "tap_upload"."mine" ON "public"."stars"."ra" = "tap_upload"."mine"."ra" AND "public"."stars"."dec" = "tap_upload"."mine"."dec""#);
    assert_snapshot!(adql("SELECT oid FROM rave NATURAL JOIN (SELECT oid FROM tap_upload.mine) AS u"), @r#"SELECT "u"."oid" FROM "public"."RAVE" CROSS JOIN (SELECT "oid" FROM "tap_upload"."mine") AS "u""#);
}

#[test]
fn correlated_names_reach_outwards() {
    assert_snapshot!(adql("SELECT id FROM stars WHERE EXISTS (SELECT 1 FROM rave WHERE mag > hrv)"), @r#"SELECT "id" FROM "public"."stars" WHERE EXISTS (SELECT 1 AS "col_1" FROM "public"."RAVE" WHERE "public"."stars"."mag" > "HRV")"#);
    assert_snapshot!(adql("SELECT s.id, (SELECT MAX(hrv) FROM rave r WHERE r.id = s.id) AS v FROM stars s"), @r#"SELECT "s"."id", (SELECT max("HRV") AS "max" FROM "public"."RAVE" AS "r" WHERE "r"."id" = "s"."id") AS "v" FROM "public"."stars" AS "s""#);
    assert_snapshot!(
        sql("SELECT o.oid, g.id FROM tap_upload.mine AS o LEFT JOIN LATERAL (SELECT s.id FROM stars AS s WHERE q3c_join(o.ra, o.dec, s.ra, s.dec, 0.01) ORDER BY q3c_dist(o.ra, o.dec, s.ra, s.dec) LIMIT 1) AS g ON true"),
        @r#"SELECT "o"."oid", "g"."id" FROM "tap_upload"."mine" AS "o" LEFT JOIN LATERAL (SELECT "s"."id" FROM "public"."stars" AS "s" WHERE sky_distance("o"."ra", "o"."dec", "s"."ra", "s"."dec") <= 0.01 ORDER BY sky_distance("o"."ra", "o"."dec", "s"."ra", "s"."dec") LIMIT 1) AS "g" ON true"#
    );
}

#[test]
fn two_signs_are_no_comment() {
    assert_snapshot!(adql("SELECT - -ra AS a, - - -1 AS b, 2 - -1 AS c FROM stars"), @r#"SELECT -(-"ra") AS "a", -(-(-1)) AS "b", 2 - -1 AS "c" FROM "public"."stars""#);
}

#[test]
fn set_operations_in_expressions_read_back() {
    let plain = adql("SELECT id FROM stars WHERE id = (SELECT TOP 5 id FROM stars UNION SELECT id FROM rave)");
    assert_snapshot!(plain, @r#"SELECT "id" FROM "public"."stars" WHERE "id" = ((SELECT "id" FROM "public"."stars" LIMIT 5) UNION SELECT "id" FROM "public"."RAVE")"#);
    assert_eq!(sql(&plain), plain);
    assert_snapshot!(sql("SELECT ((SELECT MAX(id) FROM stars) + 1) AS a, ((SELECT 2)) AS b FROM stars"), @r#"SELECT ((SELECT max("id") AS "max" FROM "public"."stars") + 1) AS "a", ((SELECT 2 AS "col_1")) AS "b" FROM "public"."stars""#);
}

#[test]
fn numbers_of_rows() {
    assert_snapshot!(adql("SELECT DISTINCT TOP 5 id FROM stars OFFSET 3"), @r#"SELECT DISTINCT "id" FROM "public"."stars" LIMIT 5 OFFSET 3"#);
    assert_snapshot!(adql("SELECT TOP 5 id FROM stars LIMIT 3"), @r#"SELECT "id" FROM "public"."stars" LIMIT 3"#);
    assert_snapshot!(adql("SELECT id FROM (SELECT TOP 3 id FROM stars ORDER BY mag) AS t"), @r#"SELECT "id" FROM (SELECT "id" FROM "public"."stars" ORDER BY "mag" LIMIT 3) AS "t""#);
    assert_snapshot!(adql("SELECT TOP 3 id FROM stars UNION SELECT TOP 2 id FROM rave INTERSECT SELECT id FROM stars ORDER BY 1"), @r#"(SELECT "id" FROM "public"."stars" LIMIT 3) UNION (SELECT "id" FROM "public"."RAVE" LIMIT 2) INTERSECT SELECT "id" FROM "public"."stars" ORDER BY 1"#);
    assert_snapshot!(adql("WITH a AS (SELECT TOP 2 id FROM stars) SELECT TOP 1 id FROM a"), @r#"WITH "a" AS (SELECT "id" FROM "public"."stars" LIMIT 2) SELECT "id" FROM "a" LIMIT 1"#);
}

#[test]
fn geometry() {
    assert_snapshot!(adql("SELECT id FROM stars WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('', 10, 20, 0.5))"), @r#"SELECT "id" FROM "public"."stars" WHERE 1 = sky_contains(sky_point("ra", "dec"), sky_circle(10, 20, 0.5))"#);
    assert_snapshot!(adql("SELECT BOX(1, 2, 3, 4), POLYGON('ICRS', 1, 2, 3, 4, 5, 6), ELLIPSE(1, 2, 3, 2, 45), REGION('Circle 1 2 3') FROM stars"), @r#"SELECT sky_box(1, 2, 3, 4) AS "box", sky_polygon(1, 2, 3, 4, 5, 6) AS "polygon", sky_ellipse(1, 2, 3, 2, 45) AS "ellipse", sky_region('Circle 1 2 3') AS "region" FROM "public"."stars""#);
    assert_snapshot!(adql("SELECT AREA(pos), CENTROID(pos), COORD1(pos), COORD2(pos), COORDSYS(pos) FROM odd"), @r#"SELECT sky_area("pos") AS "area", sky_centroid("pos") AS "centroid", sky_coord1("pos") AS "coord1", sky_coord2("pos") AS "coord2", sky_coordsys("pos") AS "coordsys" FROM "public"."odd""#);
    assert_snapshot!(adql("SELECT DISTANCE(pos, POINT(1, 2)), INTERSECTS(pos, CIRCLE(POINT(1, 2), 3)) FROM odd"), @r#"SELECT sky_distance("pos", sky_point(1, 2)) AS "distance", sky_intersects("pos", sky_circle(sky_point(1, 2), 3)) AS "intersects" FROM "public"."odd""#);
    assert_snapshot!(adql("SELECT CAST('1 2.5' AS POINT), CAST('1 2 3e-2' AS CIRCLE) FROM odd"), @r#"SELECT sky_point(1.0, 2.5) AS "cast", sky_circle(1.0, 2.0, 0.03) AS "cast_2" FROM "public"."odd""#);
}

#[test]
fn q3c() {
    assert_snapshot!(sql("SELECT id FROM stars WHERE NOT Q3C_RADIAL_QUERY(ra, dec, 10, 20, 5./60.)"), @r#"SELECT "id" FROM "public"."stars" WHERE NOT sky_contains(sky_point("ra", "dec"), sky_circle(10, 20, 5. / 60.)) = 1"#);
    assert_snapshot!(sql("SELECT id FROM stars WHERE q3c_radial_query(ra, dec, 10, 20, 1) = true"), @r#"SELECT "id" FROM "public"."stars" WHERE (sky_contains(sky_point("ra", "dec"), sky_circle(10, 20, 1)) = 1) = true"#);
    assert_snapshot!(sql("SELECT id FROM stars WHERE q3c_ellipse_query(ra, dec, 1, 2, 3 + 1, 0.5, 20)"), @r#"SELECT "id" FROM "public"."stars" WHERE sky_contains(sky_point("ra", "dec"), sky_ellipse(1, 2, 3 + 1, (3 + 1) * 0.5, 20)) = 1"#);
    assert_snapshot!(sql("SELECT id FROM stars WHERE q3c_poly_query(ra, dec, ARRAY[1, 2, 3, 4, 5, 6])"), @r#"SELECT "id" FROM "public"."stars" WHERE sky_contains(sky_point("ra", "dec"), sky_polygon(1, 2, 3, 4, 5, 6)) = 1"#);
    assert_snapshot!(sql("SELECT CASE WHEN q3c_join(ra, dec, 1, 2, 3) THEN 1 END AS near FROM stars"), @r#"SELECT CASE WHEN sky_distance("ra", "dec", 1, 2) <= 3 THEN 1 END AS "near" FROM "public"."stars""#);
}

#[test]
fn personal_tables_are_tables_of_a_schema() {
    assert_snapshot!(sql("SELECT targets.name FROM MyDB://targets -- mydb://x 'and \"quotes\nWHERE name = 'mydb://x'"), @r#"SELECT "mydb"."targets"."name" FROM "mydb"."targets" WHERE "name" = 'mydb://x'"#);
    assert_snapshot!(sql("SELECT o.name, s.id FROM mydb://targets o, mydb://\"targets\" AS p JOIN stars s ON s.ra=p.ra"), @r#"SELECT "o"."name", "s"."id" FROM "mydb"."targets" AS "o", "mydb"."targets" AS "p" JOIN "public"."stars" AS "s" ON "s"."ra" = "p"."ra""#);
    assert_snapshot!(sql("SELECT name FROM mydb://lost AS l"), @r#"
    line 1, column 18: unknown table mydb.lost
    1 | SELECT name FROM mydb://lost AS l
      |                  ^^^^^^^^^^^ personal tables come with accounts, and this service keeps none
    "#);
    assert_snapshot!(sql("SELECT name FROM mydb : targets"), @r#"
    line 1, column 23: unexpected :
    1 | SELECT name FROM mydb : targets
      |                       ^ angles are degrees, not 10:20:30; types are converted by ::; under the label SQL mydb://name is a table
    "#);
    assert_snapshot!(sql("SELECT name FROM \"mydb\"://targets"), @r#"
    line 1, column 24: unexpected :
    1 | SELECT name FROM "mydb"://targets
      |                        ^ angles are degrees, not 10:20:30; types are converted by ::; under the label SQL mydb://name is a table
    "#);
    assert_snapshot!(adql("SELECT name FROM mydb://targets"), @r#"
    line 1, column 22: unexpected :
    1 | SELECT name FROM mydb://targets
      |                      ^ angles are degrees, not 10:20:30; types are converted by ::; under the label SQL mydb://name is a table
    "#);
}

#[test]
fn units_are_converted() {
    assert_snapshot!(adql("SELECT IN_UNIT(ra, 'rad'), IN_UNIT(parallax, 'deg') AS p, IN_UNIT(dec, 'deg') AS same FROM stars"), @r#"SELECT "ra" * 0.017453292519943295 AS "in_unit", "parallax" / 3600000.0 AS "p", "dec" AS "same" FROM "public"."stars""#);
    assert_snapshot!(adql("SELECT id FROM stars WHERE IN_UNIT(DISTANCE(ra, dec, 10, 20), 'arcsec') < 5"), @r#"SELECT "id" FROM "public"."stars" WHERE (sky_distance("ra", "dec", 10, 20) * 3600.0) < 5"#);
    assert_snapshot!(adql("SELECT IN_UNIT(ra - dec, 'mas') AS d FROM stars GROUP BY IN_UNIT(ra - dec, 'mas') ORDER BY d"), @r#"SELECT ("ra" - "dec") * 3600000.0 AS "d" FROM "public"."stars" GROUP BY ("ra" - "dec") * 3600000.0 ORDER BY "d""#);
    assert_snapshot!(adql("SELECT -IN_UNIT(hrv + 1 * hrv, 'm/s') AS v FROM rave JOIN stars USING (id)"), @r#"SELECT -(("public"."RAVE"."HRV" + 1 * "public"."RAVE"."HRV") * 1000.0) AS "v" FROM "public"."RAVE" JOIN "public"."stars" ON "public"."RAVE"."id" = "public"."stars"."id""#);
    assert_snapshot!(adql("WITH a AS (SELECT MAX(parallax) / 2 AS plx FROM stars) SELECT IN_UNIT(b.plx, 'arcsec') FROM (SELECT * FROM a) AS b"), @r#"WITH "a" AS (SELECT max("parallax") / 2 AS "plx" FROM "public"."stars") SELECT "b"."plx" / 1000.0 AS "in_unit" FROM (SELECT * FROM "a") AS "b""#);
    assert_snapshot!(adql("SELECT IN_UNIT(IN_UNIT(SQRT(ra * dec), 'arcmin') * 2, 'arcsec') AS s FROM stars"), @r#"SELECT ((sqrt("ra" * "dec") * 60.0) * 2) * 60.0 AS "s" FROM "public"."stars""#);
}

/// Units of the result columns, comma-separated; `-` where there is none.
fn units(query: &str) -> String {
    let Ok(Request::Select(query)) = parse(query, Label::Adql) else { panic!("{query}") };
    let lowered = lower(check(query, &Sky).expect("the query is right")).expect("the query can be run");
    lowered.units.iter().map(|unit| unit.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(", ")
}

#[test]
fn units_are_inferred() {
    for (expressions, expected) in [
        ("ra, -dec, (mag), id", "deg, deg, mag, -"),
        ("ra + dec, ra - parallax, ra + 1, mag + mag", "deg, -, -, mag"),
        ("ra * dec, parallax / ra, 1 / parallax, ra / ra, ra * id", "deg**2, mas.deg**-1, mas**-1, -, -"),
        ("2 * ra, ra / 2, ra * 3600, parallax / 1000., ra * PI() / 180, ra / 15", "deg, deg, -, -, -, -"),
        ("ABS(ra), ROUND(ra, 2), SQRT(ra), POWER(ra, 2), POWER(ra, 0.5)", "deg, deg, deg**(1/2), deg**2, -"),
        ("DISTANCE(ra, dec, 1, 2), AREA(CIRCLE(ra, dec, 1)), COORD1(POINT(ra, dec))", "deg, deg**2, deg"),
        ("COALESCE(ra, dec, 0), COALESCE(ra, parallax), CASE WHEN id > 3 THEN ra ELSE NULL END", "deg, -, deg"),
        ("RADIANS(ra), DEGREES(ra), ATAN2(ra, dec), SIN(ra), LOG(mag)", "rad, deg, rad, -, -"),
        ("CAST(ra AS REAL), CAST(ra AS VARCHAR), IN_UNIT(ra, 'arcsec'), MOD(ra, 1)", "deg, -, arcsec, -"),
    ] {
        assert_eq!(units(&format!("SELECT {expressions} FROM stars")), expected, "{expressions}");
    }
    let quantiles = "MEDIAN(hrv), PERCENTILE(hrv, 0.1), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY hrv * 2), MODULO(MIN(hrv), MAX(hrv))";
    assert_eq!(units(&format!("SELECT {quantiles} FROM rave")), "km.s**-1, km.s**-1, km.s**-1, km.s**-1");
    assert_eq!(units("SELECT hrv, hrv * 2 AS w, \"HRV\" AS v FROM rave"), "km s-1, km.s**-1, km s-1");
    assert_eq!(units("SELECT id AS x, ra FROM stars UNION SELECT ra, mag FROM stars"), "-, deg");
    assert_eq!(units("SELECT MIN(ra), AVG(mag), COUNT(*), SUM(parallax * parallax) FROM stars"), "deg, mag, -, mas**2");
    assert_eq!(units("SELECT * FROM (SELECT ra * 2 AS two, mag AS ra FROM stars) AS t"), "deg, mag");
    assert_eq!(units("WITH t(a, b) AS (SELECT ra / parallax, 1 FROM stars) SELECT b, a FROM t"), "-, deg.mas**-1");
}

#[test]
fn functions_are_renamed() {
    assert_snapshot!(adql("SELECT LOG(ra), LOG10(ra), MOD(id, 2), TRUNCATE(ra, 1), CEILING(ra), RAND(5) FROM stars"), @r#"SELECT ln("ra") AS "log", log10("ra") AS "log10", adql_mod("id", 2) AS "mod", trunc("ra", 1) AS "truncate", ceil("ra") AS "ceiling", random() AS "rand" FROM "public"."stars""#);
    assert_snapshot!(sql("SELECT log(ra), ln(ra) FROM stars"), @r#"SELECT log10("ra") AS "log", ln("ra") AS "ln" FROM "public"."stars""#);
    assert_snapshot!(
        sql("SELECT length(copy), variance(\"Flux\") FROM odd GROUP BY length(copy)"),
        @r#"SELECT character_length("copy") AS "length", var("Flux") AS "variance" FROM "public"."odd" GROUP BY character_length("copy")"#
    );
}

#[test]
fn conversions() {
    assert_snapshot!(adql("SELECT CAST(ra AS VARCHAR(5)), CAST(ra AS CHAR(3)) AS c, CAST(ra AS VARCHAR) AS v FROM stars"), @r#"SELECT left(CAST("ra" AS VARCHAR), 5) AS "ra", left(CAST("ra" AS CHAR), 3) AS "c", CAST("ra" AS VARCHAR) AS "v" FROM "public"."stars""#);
    assert_snapshot!(sql("SELECT ~id & 3 AS flags FROM stars"), @r#"SELECT (-1 - (("id") & -1)) & 3 AS "flags" FROM "public"."stars""#);
}

#[test]
fn constant_regions_fold() {
    let either = "SELECT id FROM stars WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(10, 20, 1/2.)) OR mag < 3 OR (CONTAINS(POINT('ICRS', ra, dec), BOX(POINT(1, 2), 1e-7, 3)) <> 0 OR q3c_radial_query(ra, dec, -1, 2, 3))";
    assert_snapshot!(adql(either), @r#"SELECT "id" FROM "public"."stars" WHERE sky_contains(sky_point("ra", "dec"), sky_region('Union ICRS ( Circle ICRS 10.0 20.0 0.5 Box ICRS 1.0 2.0 1e-7 3.0 Circle ICRS -1.0 2.0 3.0 )')) = 1 OR "mag" < 3"#);
    let outside = "SELECT id FROM stars WHERE 0 = CONTAINS(POINT(ra, dec), CIRCLE(10, 20, 1)) AND mag < 3 AND NOT CONTAINS(POINT(ra, dec), CIRCLE(11, 21, 1)) = 1";
    assert_snapshot!(adql(outside), @r#"SELECT "id" FROM "public"."stars" WHERE sky_contains(sky_point("ra", "dec"), sky_region('Union ICRS ( Circle ICRS 10.0 20.0 1.0 Circle ICRS 11.0 21.0 1.0 )')) = 0 AND "mag" < 3"#);
}

#[test]
fn regions_that_differ_in_meaning_do_not_fold() {
    let mixed = "SELECT id FROM stars WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(10, 20, 1)) OR 0 = CONTAINS(POINT(ra, dec), CIRCLE(1, 2, 1))";
    assert_snapshot!(adql(mixed), @r#"SELECT "id" FROM "public"."stars" WHERE 1 = sky_contains(sky_point("ra", "dec"), sky_circle(10, 20, 1)) OR 0 = sky_contains(sky_point("ra", "dec"), sky_circle(1, 2, 1))"#);
    let positions = "SELECT s.id FROM stars s, tap_upload.mine u WHERE 1 = CONTAINS(POINT(s.ra, s.dec), CIRCLE(1, 2, 1)) OR 1 = CONTAINS(POINT(u.ra, u.dec), CIRCLE(1, 2, 1))";
    assert_snapshot!(adql(positions), @r#"SELECT "s"."id" FROM "public"."stars" AS "s", "tap_upload"."mine" AS "u" WHERE 1 = sky_contains(sky_point("s"."ra", "s"."dec"), sky_circle(1, 2, 1)) OR 1 = sky_contains(sky_point("u"."ra", "u"."dec"), sky_circle(1, 2, 1))"#);
    let invalid = "SELECT id FROM stars WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(10, 91, 1)) OR 1 = CONTAINS(POINT(ra, dec), CIRCLE(1, 2, 1))";
    assert_snapshot!(adql(invalid), @r#"SELECT "id" FROM "public"."stars" WHERE 1 = sky_contains(sky_point("ra", "dec"), sky_circle(10, 91, 1)) OR 1 = sky_contains(sky_point("ra", "dec"), sky_circle(1, 2, 1))"#);
}

#[test]
fn memberships_fold() {
    let chain = "SELECT id FROM stars WHERE id = 1 OR 2 = id OR id = 3 OR id = 4 OR id IN (5, 6, -7) OR (id) = 8 OR mag = 2 OR id = 1.5";
    assert_snapshot!(adql(chain), @r#"SELECT "id" FROM "public"."stars" WHERE "id" IN (1, 2, 3, 4, 5, 6, -7, 8) OR "id" = 1.5 OR "mag" = 2"#);
    let outside = "SELECT id FROM stars WHERE id <> 1 AND id <> 2 AND id NOT IN (3, 4, 5, 6, 7, 8) AND mag < 3";
    assert_snapshot!(adql(outside), @r#"SELECT "id" FROM "public"."stars" WHERE "id" NOT IN (1, 2, 3, 4, 5, 6, 7, 8) AND "mag" < 3"#);
    assert_snapshot!(adql("SELECT id FROM stars WHERE id = 1 OR id = 2"), @r#"SELECT "id" FROM "public"."stars" WHERE "id" = 1 OR "id" = 2"#);
}

#[test]
fn parameters_learn_their_types() {
    let text = "SELECT id FROM stars WHERE mag < ? AND DISTANCE(ra, dec, ?, ?) < ? AND LOWER(?) = 'a' AND id IN (?)";
    let Request::Select(query) = parse(text, Label::Adql).unwrap() else { panic!("no SELECT") };
    let lowered = lower(check(query, &Sky).unwrap()).unwrap();
    let types: Vec<_> = lowered.parameters.iter().map(|parameter| parameter.parameter_type).collect();
    let double = Some(ParameterType::Double);
    assert_eq!(types, [None, double, double, double, Some(ParameterType::Text), None]);
    assert_eq!(lowered.parameters.last().unwrap().index, 6);
}

#[test]
fn what_was_used_is_known() {
    let text = "WITH a AS (SELECT id FROM stars) SELECT a.id FROM a, a b, rave, stars";
    let Request::Select(query) = parse(text, Label::Adql).unwrap() else { panic!("no SELECT") };
    let lowered = lower(check(query, &Sky).unwrap()).unwrap();
    assert_eq!(lowered.tables, [["public", "stars"], ["public", "RAVE"]]);
    assert_eq!(lowered.expanded_table_count, 4);
}

#[test]
fn names_of_other_archives_are_calls_of_the_same_functions() {
    assert_snapshot!(adql("SELECT TOP 1 IF_THEN_ELSE(mag > 3 OR ra IS NULL, 'faint', 'bright') AS c FROM stars"), @r#"SELECT CASE WHEN "mag" > 3 OR "ra" IS NULL THEN 'faint' ELSE 'bright' END AS "c" FROM "public"."stars" LIMIT 1"#);
    assert_snapshot!(adql("SELECT IF_THEN_ELSE(mag > 3, 1, 0) + 1 AS c FROM stars"), @r#"SELECT CASE WHEN "mag" > 3 THEN 1 ELSE 0 END + 1 AS "c" FROM "public"."stars""#);
    assert_snapshot!(adql("SELECT gavo_to_mjd('2000-01-01') AS d, EPOCH_PROP_POS(ra, dec, parallax, 1, 2, NULL, 2016, 2000) AS p FROM stars"), @r#"SELECT ivo_to_mjd('2000-01-01') AS "d", ivo_epoch_prop_pos("ra", "dec", "parallax", 1, 2, NULL, 2016, 2000) AS "p" FROM "public"."stars""#);
    assert_snapshot!(adql("SELECT IVO_INTERVAL_HAS(mag, ARRAY[1, ra + 1]) AS c FROM stars WHERE 1 = CONTAINS(IVO_GEOM_TRANSFORM('ICRS', 'GALACTIC', POINT('ICRS', ra, dec)), CIRCLE('GALACTIC', 1, 2, 3))"), @r#"SELECT ivo_interval_has("mag", 1, "ra" + 1) AS "c" FROM "public"."stars" WHERE 1 = sky_contains(ivo_geom_transform('ICRS', 'GALACTIC', sky_point("ra", "dec")), sky_circle(1, 2, 3))"#);
}

#[test]
fn a_sampled_table_is_a_sub_query_of_its_name() {
    assert_snapshot!(adql("SELECT id, public.stars.ra FROM stars TABLESAMPLE (1.5) WHERE mag < 5"), @r#"SELECT "id", "stars"."ra" FROM (SELECT * FROM "public"."stars" WHERE random() < 0.015) AS "stars" WHERE "mag" < 5"#);
    assert_snapshot!(adql("SELECT r.id FROM rave AS r TABLESAMPLE SYSTEM (100) REPEATABLE (7)"), @r#"SELECT "r"."id" FROM (SELECT * FROM "public"."RAVE" WHERE hash_fraction(7, "RAJ2000", "DEJ2000", "HRV", "id") < 1.0) AS "r""#);
}

#[test]
fn arrays_and_their_items_are_calls() {
    assert_snapshot!(adql("SELECT o.pos[1] AS x, ARRAY[1, 2][2] AS y, (pos * 2)[1] AS z FROM odd AS o"), @r#"SELECT array_item("o"."pos", 1) AS "x", array_item(array_of(1, 2), 2) AS "y", array_item(("pos" * 2), 1) AS "z" FROM "public"."odd" AS "o""#);
    assert_snapshot!(adql("SELECT id FROM stars WHERE q3c_poly_query(ra, dec, ARRAY[1, 2, 3, 4, 5, 6])"), @r#"SELECT "id" FROM "public"."stars" WHERE sky_contains(sky_point("ra", "dec"), sky_polygon(1, 2, 3, 4, 5, 6)) = 1"#);
}

#[test]
fn aggregates_of_several_names_are_one() {
    assert_snapshot!(adql("SELECT MEDIAN(mag) AS a, PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY mag DESC) AS b, PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY mag) AS c FROM stars"), @r#"SELECT percentile("mag", 0.5) AS "a", percentile("mag", 0.9, 1) AS "b", percentile("mag", 0.5, 2) AS "c" FROM "public"."stars""#);
    assert_snapshot!(adql("SELECT MOC_AGG(6, POINT(ra, dec)) AS m FROM stars"), @r#"SELECT moc_agg(sky_moc(6, sky_point("ra", "dec"))) AS "m" FROM "public"."stars""#);
}

#[test]
fn functions_of_bits_are_operators() {
    assert_snapshot!(adql("SELECT BITWISE_AND(id, 0x1F) + 1 AS a, BITWISE_NOT(id) AS b FROM stars"), @r#"SELECT (("id") & (31)) + 1 AS "a", (-1 - (("id") & -1)) AS "b" FROM "public"."stars""#);
}

#[test]
fn conditions_on_windows_see_result_columns() {
    assert_snapshot!(adql("SELECT id, RANK() OVER (ORDER BY mag) AS place FROM stars QUALIFY place <= 3"), @r#"SELECT "id", rank() OVER (ORDER BY "mag") AS "place" FROM "public"."stars" QUALIFY "place" <= 3"#);
}

#[test]
fn other_requests_are_told_apart() {
    let kind = |text: &str| match parse(text, Label::Sql).unwrap() {
        Request::Select(_) => "select".to_owned(),
        Request::Explain { analyze, .. } => format!("explain {analyze}"),
        Request::CreateTableAs { target, .. } => format!("create {}", target.path.len()),
        Request::InsertInto { target, .. } => format!("insert {}", target.path[0].value),
        Request::DropTable { if_exists, .. } => format!("drop {if_exists}"),
    };
    assert_eq!(kind("EXPLAIN ANALYZE SELECT 1"), "explain true");
    assert_eq!(kind("explain select 1;"), "explain false");
    assert_eq!(kind("CREATE TABLE mydb.t AS SELECT 1"), "create 2");
    assert_eq!(kind("INSERT INTO \"T\" SELECT 1"), "insert T");
    assert_eq!(kind("DROP TABLE IF EXISTS t"), "drop true");
}

#[test]
fn a_snapshot_is_another_table_of_the_same_name() {
    assert_snapshot!(adql("SELECT stars.id, public.Stars.mag FROM stars@1F3A9c WHERE ra > 3"), @r#"SELECT "stars"."id", "stars"."mag" FROM "public"."stars@1f3a9c0011223344" AS "stars" WHERE "ra" > 3"#);
    assert_snapshot!(adql("SELECT id, s.mag FROM \"stars@77aa00\" AS s"), @r#"SELECT "id", "s"."mag" FROM "public"."stars@77aa00bb11cc22dd" AS "s""#);
    assert_snapshot!(sql("SELECT o.id FROM stars AS o JOIN public.\"stars\"@1f3a9d AS n USING (id) WHERE n.flux > o.mag"), @r#"SELECT "o"."id" FROM "public"."stars" AS "o" JOIN "public"."stars@1f3a9d5566778899" AS "n" ON "o"."id" = "n"."id" WHERE "n"."flux" > "o"."mag""#);
    assert_snapshot!(adql("SELECT id FROM stars@77aa00bb TABLESAMPLE (2)"), @r#"SELECT "id" FROM (SELECT * FROM "public"."stars@77aa00bb11cc22dd" WHERE random() < 0.02) AS "stars""#);
}

#[test]
fn a_snapshot_that_is_not_there_is_an_error_that_lists_those_that_are() {
    assert_snapshot!(adql("SELECT id FROM stars@abcdef AS s"), @r#"
    line 1, column 16: stars has no snapshot abcdef here
    1 | SELECT id FROM stars@abcdef AS s
      |                ^^^^^^^^^^^^ there are stars@1f3a9c001122, stars@1f3a9d556677, stars@77aa00bb11cc
    "#);
    assert_snapshot!(adql("SELECT id FROM stars@1f3a9 AS s, stars@77AA0z AS t"), @r#"
    line 1, column 16: 1f3a9 names no snapshot: expected the first 6 hexadecimal digits of its digest, or more
    1 | SELECT id FROM stars@1f3a9 AS s, stars@77AA0z AS t
      |                ^^^^^^^^^^^ write more of its digits
    line 1, column 34: 77AA0z names no snapshot: expected the first 6 hexadecimal digits of its digest, or more
    1 | SELECT id FROM stars@1f3a9 AS s, stars@77AA0z AS t
      |                                  ^^^^^^^^^^^^ there are stars@1f3a9c001122, stars@1f3a9d556677, stars@77aa00bb11cc
    "#);
    assert_snapshot!(adql("SELECT id FROM \"stars@1f\" AS s"), @r#"
    line 1, column 16: 1f names no snapshot: expected the first 6 hexadecimal digits of its digest, or more
    1 | SELECT id FROM "stars@1f" AS s
      |                ^^^^^^^^^^ write more of its digits
    "#);
    assert_snapshot!(adql("SELECT s.id FROM stars@1f3a9 AS s"), @r#"
    line 1, column 18: 1f3a9 names no snapshot: expected the first 6 hexadecimal digits of its digest, or more
    1 | SELECT s.id FROM stars@1f3a9 AS s
      |                  ^^^^^^^^^^^ write more of its digits
    "#);
    assert_snapshot!(adql("SELECT hrv FROM rave@1f3a9c"), @r#"
    line 1, column 17: rave has no snapshots
    1 | SELECT hrv FROM rave@1f3a9c
      |                 ^^^^^^^^^^^ write its name alone
    "#);
    assert_snapshot!(adql("SELECT x FROM nowhere@1f3a9c"), @r#"
    line 1, column 15: unknown table nowhere
    1 | SELECT x FROM nowhere@1f3a9c
      |               ^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(adql("WITH c AS (SELECT id FROM stars) SELECT id FROM c@1f3a9c"), @r#"
    line 1, column 49: c is no table of a catalog, so it has no snapshot 1f3a9c
    1 | WITH c AS (SELECT id FROM stars) SELECT id FROM c@1f3a9c
      |                                                 ^^^^^^^^
    "#);
    assert_snapshot!(adql("SELECT id@1f3a9c AS i@123456 FROM stars"), @r#"
    line 1, column 10: a snapshot can follow only the name of a table in FROM
    1 | SELECT id@1f3a9c AS i@123456 FROM stars
      |          ^^^^^^^
    line 1, column 22: a snapshot can follow only the name of a table in FROM
    1 | SELECT id@1f3a9c AS i@123456 FROM stars
      |                      ^^^^^^^
    "#);
    assert_snapshot!(adql("SELECT s.id FROM stars@1f3a9c JOIN stars@1f3a9d USING (id)"), @r#"
    line 1, column 8: s.id: there is no table s in FROM
    1 | SELECT s.id FROM stars@1f3a9c JOIN stars@1f3a9d USING (id)
      |        ^^^^
    line 1, column 36: stars occurs twice in FROM
    1 | SELECT s.id FROM stars@1f3a9c JOIN stars@1f3a9d USING (id)
      |                                    ^^^^^^^^^^^^ give one of them an alias
    "#);
}

#[test]
fn tables_are_written_with_their_snapshots() {
    let rewritten = |text: &str| {
        let Request::Select(query) = parse(text, Label::Sql).unwrap() else { panic!("a SELECT") };
        let lowered = lower(check(query, &Sky).unwrap()).unwrap();
        lowered.text_with(|table| (table.path[0] != "gaia").then(|| format!("<{}>", table.path[1])))
    };
    assert_eq!(rewritten("SELECT id FROM stars"), "SELECT id FROM <stars>");
    assert_eq!(
        rewritten(
            "\u{feff}SELECT 'é', stars.id -- stars\r\n FROM Stars@1f3a9c, (SELECT ra FROM\tgaia.source, public . rave) AS t\n"
        ),
        "SELECT 'é', stars.id -- stars\r\n FROM <stars@1f3a9c0011223344>, (SELECT ra FROM\tgaia.source, <RAVE>) AS t\n"
    );
    assert_eq!(
        rewritten(
            "WITH c AS (SELECT id FROM \"stars@77aa00\") SELECT * FROM c, c AS d WHERE EXISTS (SELECT 1 FROM stars s)"
        ),
        "WITH c AS (SELECT id FROM <stars@77aa00bb11cc22dd>) SELECT * FROM c, c AS d WHERE EXISTS (SELECT 1 FROM <stars> s)"
    );
}

#[test]
fn columns_that_an_alias_does_not_name_keep_their_names() {
    assert_snapshot!(sql("SELECT number, s.dec FROM stars AS s (number, lon)"), @r#"SELECT "number", "s"."dec" FROM "public"."stars" AS "s" ("number", "lon", "dec", "mag", "parallax")"#);
    assert_snapshot!(sql("SELECT x, ra FROM (SELECT id, ra FROM stars) AS t (x)"), @r#"SELECT "x", "ra" FROM (SELECT "id", "ra" FROM "public"."stars") AS "t" ("x", "ra")"#);
}

#[test]
fn a_match_is_a_sub_query() {
    assert_snapshot!(adql("SELECT id_1, hrv, separation FROM XMATCH(stars, rave, 2 / 3600.0) AS M"));
    assert_snapshot!(adql(
        "SELECT m.oid, m.separation * 3600 AS s FROM XMATCH(tap_upload.mine, (SELECT id, ra, dec FROM stars WHERE mag < 5), 0.1, 3, 'each') m"
    ));
    for how in ["left", "right", "full", "best1", "best2", "mutual", "semi", "anti"] {
        let text = format!("SELECT oid FROM XMATCH(tap_upload.mine, gaia.source, 0.1, '{how}')");
        insta::assert_snapshot!(format!("a_match_is_a_sub_query_{how}"), adql(&text));
    }
    assert_snapshot!(sql(
        "WITH c AS (SELECT RAJ2000 AS lon, DEJ2000 AS lat FROM rave) SELECT * FROM XMATCH(XMATCH(c, mydb://targets, ?, 'best1'), c, 0.2) AS t"
    ));
}
