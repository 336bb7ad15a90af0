export{c18_a as a,c18_b as b,c18_c as c,c18_d as d,c18_e as e,c18_f as f,c18_g as g,c18_h as h,c18_i as i,c18_j as j,c18_k as k,c18_l as l,c18_m as m,c18_n as n,c18_o as o,c18_p as p}from"./run.js";
