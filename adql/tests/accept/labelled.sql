SELECT 1
---
SELECT 1 AS one, 'a' AS two WHERE 1 < 2
---
SELECT round(ra, 1) AS band, count(*) FROM stars GROUP BY band ORDER BY band
---
SELECT ra, count(*) FROM stars GROUP BY 1 LIMIT 10
---
select avg(ra) as ra0, avg(dec) as dec0, size, count(size) as nb from gaia.source group by size
---
SELECT ra, dec FROM stars WHERE ra > 187 AND ra < 187.5 AND NOT mag = 'NaN' AND mag != 'Infinity' LIMIT 100000
---
SELECT * FROM stars WHERE Q3C_RADIAL_QUERY(ra, dec, 1.5, 2.5, 5.6e-05)
---
SELECT ra FROM stars ORDER BY random() LIMIT 5
---
SELECT copy FROM odd WHERE copy ~ '^a' AND copy !~* 'b'
---
SELECT id FROM stars WHERE id = $1 AND mag < $2
---
SELECT id FROM stars WHERE (id & 256) # 3 <> 0 AND ~id >> 2 | 1 << 3 = 0
